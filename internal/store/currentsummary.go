package store

import "strings"

// joinCurrent adds a script's current summary, and NULLs where it has none.
const (
	joinCurrent = joinHead + joinLatest
	joinHead    = `LEFT JOIN run_summary_head h ON h.script_id = s.id`
	joinLatest  = ` LEFT JOIN run_summary r
		ON r.script_id = h.script_id AND r.sequence = h.sequence AND r.removed_at IS NULL AND NOT r.computed`
)

// Which of run_count's rows make each count of a script's summary.
const (
	countsNoIssue = `c.revision = s.revision AND c.state = 1`
	countsIssue   = `c.revision = s.revision AND c.state = 2`
	countsError   = `c.revision = s.revision AND c.state = 3`
	countsPending = `c.state <> 5 AND (c.revision < s.revision OR c.state IN (0, 4))`
)

// joinCounts adds what the counts make of every script, for those who read most of
// them: one pass over the counts rather than five for each script.
const joinCounts = ` LEFT JOIN (SELECT c.script,
			CAST(sum(CASE WHEN ` + countsNoIssue + ` THEN c.n ELSE 0 END) AS bigint) AS no_issue,
			CAST(sum(CASE WHEN ` + countsIssue + ` THEN c.n ELSE 0 END) AS bigint) AS issue,
			CAST(sum(CASE WHEN ` + countsError + ` THEN c.n ELSE 0 END) AS bigint) AS failed,
			CAST(sum(CASE WHEN ` + countsPending + ` THEN c.n ELSE 0 END) AS bigint) AS pending,
			max(c.last_run) AS last_run
		FROM run_count c JOIN script s ON s.number = c.script GROUP BY c.script) AS k ON k.script = s.number`

// current is the SQL of a script's current summary, beside joinCurrent: what was
// reported, or what the counts make.
type current struct{ sequence, id, noIssue, issue, failed, pending, lastRun string }

func currentSummary() current {
	devices := func(condition string) string {
		return `coalesce(CAST(sum(c.n) AS bigint), 0) FROM run_count c WHERE c.script = s.number AND ` + condition
	}
	return currentOf(func(what string) string { return `(SELECT ` + what + `)` }, [5]string{
		devices(countsNoIssue), devices(countsIssue), devices(countsError), devices(countsPending),
		`coalesce(max(c.last_run), 0) FROM run_count c WHERE c.script = s.number`,
	})
}

// currentOfAll is currentSummary beside joinCounts.
func currentOfAll() current {
	return currentOf(func(what string) string { return `coalesce(k.` + what + `, 0)` },
		[5]string{"no_issue", "issue", "failed", "pending", "last_run"})
}

func currentOf(counted func(what string) string, counts [5]string) current {
	column := func(reported string, i int) string {
		return `CASE WHEN h.computed THEN ` + counted(counts[i]) + ` ELSE ` + reported + ` END`
	}
	return current{
		sequence: `CASE WHEN h.computed THEN 1 ELSE r.sequence END`,
		id:       `CASE WHEN h.computed THEN h.computed_id ELSE r.id END`,
		noIssue:  column("r.no_issue_detected", 0),
		issue:    column("r.issue_detected", 1),
		failed:   column("r.detection_script_error", 2),
		pending:  column("r.detection_script_pending", 3),
		lastRun:  column("r.last_script_run", 4),
	}
}

// currentColumns is runSummaryColumns of the current summary.
func currentColumns() string { return currentSummary().columns() }

func (c current) columns() string {
	return strings.Join([]string{
		`s.id`, c.sequence, c.id, c.noIssue, c.issue, c.failed, c.pending, c.lastRun,
		`r.recorded_at, r.recorded_by, r.removed_at, r.removed_by, coalesce(h.computed, false)`,
	}, ", ")
}
