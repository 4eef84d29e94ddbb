package graph

import (
	"strconv"

	"plimsoll"
	"plimsoll/internal/odata"
)

// view is what pages are shown.
type view struct {
	state     *plimsoll.FleetState
	summaries map[string]shownSummary // by their scripts' ids
	encoded   []byte                  // once somebody is shown all of it
}

func newView(state *plimsoll.FleetState) *view {
	v := &view{state: state, summaries: make(map[string]shownSummary, len(state.Summaries))}
	for i := range state.Summaries {
		v.summaries[state.Summaries[i].ScriptID] = shown(&state.Summaries[i])
	}
	return v
}

// shownSummary is what is shown of a summary: its id is not.
type shownSummary struct {
	plimsoll.RunSummary

	computed bool
}

func shown(r *record) shownSummary {
	s := shownSummary{r.RunSummary, r.Computed}
	s.ID = ""
	return s
}

// eventEncoder writes server-sent events (HTML Standard, section 9.2).
type eventEncoder struct {
	row  *odata.EntityType[record]
	all  odata.Query
	bare odata.Writer
}

func newEventEncoder() eventEncoder {
	scriptID := odata.String("scriptId", func(r *record) *string { return &r.ScriptID })
	return eventEncoder{
		row:  odata.Declare(odata.EntityType[record]{Name: ours + ".summaryChange", Properties: append([]odata.Property[record]{scriptID}, currentCounts()...)}),
		all:  odata.Query{Select: odata.SelectAll()},
		bare: odata.Writer{Metadata: odata.NoMetadata},
	}
}

// whole gives the events that show all of a view to who was shown nothing.
func (e *eventEncoder) whole(v *view) []byte {
	if v.encoded == nil {
		v.encoded = appendDevices(e.appendSummaries(nil, v.state.Summaries, nil), v.state.Devices)
	}
	return v.encoded
}

// changes gives the events that lead from one view to the next, nil for none.
func (e *eventEncoder) changes(from, to *view) (events []byte) {
	var changed []record
	var removed []string
	for i := range to.state.Summaries {
		r := &to.state.Summaries[i]
		if before, was := from.summaries[r.ScriptID]; !was || before != shown(r) {
			changed = append(changed, *r)
		}
	}
	for i := range from.state.Summaries {
		if id := from.state.Summaries[i].ScriptID; !to.has(id) {
			removed = append(removed, id)
		}
	}
	if len(changed)+len(removed) > 0 {
		events = e.appendSummaries(events, changed, removed)
	}
	if from.state.ScriptChanges != to.state.ScriptChanges {
		events = append(events, "event: scripts\ndata: {}\n\n"...)
	}
	if from.state.Devices != to.state.Devices {
		events = appendDevices(events, to.state.Devices)
	}
	return events
}

func (v *view) has(scriptID string) bool {
	_, has := v.summaries[scriptID]
	return has
}

func (e *eventEncoder) appendSummaries(dst []byte, changed []record, removed []string) []byte {
	dst = append(dst, "event: summaries\ndata: {"...)
	dst = e.row.AppendCollection(dst, "", &odata.Collection[record]{Rows: changed}, &e.all, &e.bare, "")
	dst = odata.AppendTexts(odata.AppendMember(dst, "removed"), removed)
	return append(dst, "}\n\n"...)
}

func appendDevices(dst []byte, n int64) []byte {
	dst = append(dst, `event: devices`+"\n"+`data: {"count":`...)
	return append(strconv.AppendInt(dst, n, 10), "}\n\n"...)
}
