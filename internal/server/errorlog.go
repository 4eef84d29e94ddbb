package server

import (
	"bytes"
	"context"
	"log"
	"log/slog"
)

// errorLog is where net/http writes what it cannot tell a handler.
func errorLog(to *slog.Logger) *log.Logger { return log.New(lineLog{to}, "", 0) }

// lineLog turns each line of a standard logger into one record.
type lineLog struct{ to *slog.Logger }

func (l lineLog) Write(line []byte) (int, error) {
	l.to.Log(context.Background(), severity(line), "http server", "detail", string(bytes.TrimSpace(line)))
	return len(line), nil
}

// severity keeps what any scanner or vanished client can cause out of the way: it
// says nothing about the server. net/http offers no other mark than the text.
func severity(line []byte) slog.Level {
	for _, noise := range []string{"TLS handshake error", "error reading preface", "URL query contains semicolon", "received GOAWAY", "timeout waiting for SETTINGS"} {
		if bytes.Contains(line, []byte(noise)) {
			return slog.LevelDebug
		}
	}
	if bytes.Contains(line, []byte("panic serving")) {
		return slog.LevelError
	}
	return slog.LevelWarn
}
