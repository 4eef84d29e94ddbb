package store

import (
	"context"

	"plimsoll"
	"plimsoll/internal/query"
)

// historyProperties gives the SQL of each property that a filter or an order of
// a history may name.
func historyProperties() map[string]string {
	return map[string]string{
		"id":                                "r.id",
		"noIssueDetectedDeviceCount":        "r.no_issue_detected",
		"issueDetectedDeviceCount":          "r.issue_detected",
		"detectionScriptErrorDeviceCount":   "r.detection_script_error",
		"detectionScriptPendingDeviceCount": "r.detection_script_pending",
		"lastScriptRunDateTime":             "r.last_script_run",
		"recordedDateTime":                  "r.recorded_at", "recordedBy": "r.recorded_by",
		"removedDateTime": "r.removed_at", "removedBy": "nullif(r.removed_by, '')",
	}
}

func historyList(scriptID string) *list[plimsoll.RunSummaryRecord] {
	return &list[plimsoll.RunSummaryRecord]{
		from: "run_summary r", where: "r.script_id = $1", args: []any{scriptID}, columns: historyProperties(),
		own:     sortKey{sql: "r.sequence", kind: query.Number, descending: true}, // the newest first
		selects: runSummaryColumns,
		scan: func(row scanner, more ...any) (plimsoll.RunSummaryRecord, error) {
			var r runSummaryRow
			err := row.Scan(append(r.dest(), more...)...)
			return r.record(), err
		},
		size: func(r *plimsoll.RunSummaryRecord) int { return len(r.RecordedBy) + len(r.RemovedBy) },
	}
}

// RunSummaryHistory gives a page of a script's history, the newest entry first.
func (s *Store) RunSummaryHistory(
	ctx context.Context, scriptID string, page query.Page,
) (query.Rows[plimsoll.RunSummaryRecord], error) {
	if _, err := scriptNumber(ctx, s.read, scriptID, ""); err != nil {
		return query.Rows[plimsoll.RunSummaryRecord]{Total: -1}, err
	}
	return historyList(scriptID).read(ctx, s, &page)
}
