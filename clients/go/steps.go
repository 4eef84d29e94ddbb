package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// step is run after those before it, whatever became of them.
type step struct {
	name string
	run  func(context.Context) error
}

// runAll reports each step as a line of JSON, and whether all went well.
func runAll(ctx context.Context, steps []step) bool {
	all := true
	lines := json.NewEncoder(os.Stdout)
	for _, s := range steps {
		line := map[string]any{"step": s.name, "ok": true}
		if err := attempt(ctx, s.run); err != nil {
			all, line["ok"], line["error"] = false, false, err.Error()
		}
		_ = lines.Encode(line)
	}
	return all
}

func attempt(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v", reason)
		}
	}()
	return run(ctx)
}

// same says how what was read differs from what was to be read.
func same[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: %v, want %v", what, got, want)
	}
	return nil
}

// value is what a member holds, or its zero where it is absent.
func value[T any](member *T) T {
	if member == nil {
		return *new(T)
	}
	return *member
}
