package service_test

import (
	"errors"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"plimsoll"
	"plimsoll/internal/service"
)

// together takes a few steps in one change set, which reads what it did after
// each. What becomes of them is what the set says: all are there, or none.
func (f *fleet) together(rt *rapid.T) {
	outside, before, gone := f.service, f.clone(), slices.Clone(f.gone)
	made := false
	defer func() {
		if f.service = outside; !made {
			f.scripts, f.gone = before, gone
		}
	}()
	steps := []func(*rapid.T){f.createScript, f.updateScript, f.updateScript, f.deleteScript, f.post, f.post, f.patch, f.delete}
	end := rapid.SampledFrom([]error{nil, errors.New("given up")}).Draw(rt, "end")
	err := outside.Atomically(rt.Context(), func(bound *service.Service) error {
		f.service = bound
		for range rapid.IntRange(1, 4).Draw(rt, "steps") {
			rapid.SampledFrom(steps).Draw(rt, "step")(rt)
			f.compare(rt)
		}
		return end
	})
	if made = err == nil; errors.Is(err, end) {
		return
	}
	// A step was refused by the store, as it had to be, and so the set is.
	refusals := []plimsoll.Code{plimsoll.PreconditionFailed, plimsoll.NotFound, plimsoll.Invalid}
	if end != nil || !slices.Contains(refusals, plimsoll.ErrorCode(err)) {
		rt.Error(err)
	}
}

// clone copies the model.
func (f *fleet) clone() map[string]*modelled {
	scripts := maps.Clone(f.scripts)
	for id, m := range scripts {
		scripts[id] = &modelled{script: m.script, history: slices.Clone(m.history)}
	}
	return scripts
}
