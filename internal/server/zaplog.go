package server

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"go.uber.org/zap/zapcore"
)

// zapToSlog is a zap core that writes to slog, so that the ACME client's log is the
// service's own. What it calls info, every step it takes, is debug here; what it calls
// debug, several lines for each handshake, is left out.
type zapToSlog struct {
	to     *slog.Logger
	fields []zapcore.Field
}

// Enabled reports whether the service logs at this level.
func (z *zapToSlog) Enabled(level zapcore.Level) bool {
	return level >= zapcore.InfoLevel && z.to.Enabled(context.Background(), slogLevel(level))
}

// With returns a core that adds fields to each record.
func (z *zapToSlog) With(fields []zapcore.Field) zapcore.Core {
	return &zapToSlog{to: z.to, fields: slices.Concat(z.fields, fields)}
}

// Check offers the core for an entry it would write.
func (z *zapToSlog) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if z.Enabled(entry.Level) {
		return checked.AddCore(entry, z)
	}
	return checked
}

// Write makes one record of an entry.
func (z *zapToSlog) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	values := zapcore.NewMapObjectEncoder()
	for _, field := range slices.Concat(z.fields, fields) {
		field.AddTo(values)
	}
	args := []any{"detail", entry.Message}
	for _, name := range slices.Sorted(maps.Keys(values.Fields)) {
		args = append(args, name, values.Fields[name])
	}
	z.to.Log(context.Background(), slogLevel(entry.Level), "acme", args...)
	return nil
}

// Sync has nothing to flush.
func (z *zapToSlog) Sync() error { return nil }

func slogLevel(level zapcore.Level) slog.Level {
	switch {
	case level < zapcore.WarnLevel:
		return slog.LevelDebug
	case level == zapcore.WarnLevel:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}
