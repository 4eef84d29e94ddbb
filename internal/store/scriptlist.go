package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"plimsoll"
	"plimsoll/internal/query"
)

const scriptContent = "(SELECT c.content FROM script_content c WHERE c.script_id = s.id)"

// scriptProperties gives the SQL of each property that a filter or an order of
// scripts may name.
func scriptProperties() map[string]string {
	r := currentSummary()
	return map[string]string{
		"id": "s.id", "publisher": "s.publisher", "version": "s.version", "displayName": "s.display_name",
		"description": "s.description", "detectionScriptContent": scriptContent,
		"createdDateTime": "s.created_at", "lastModifiedDateTime": "s.modified_at",
		"runAsAccount": "s.run_as_account", "enforceSignatureCheck": "s.enforce_signature_check",
		"runAs32Bit": "s.run_as_32_bit", "platform": "nullif(s.platform, '')",
		"roleScopeTagIds": "nullif(s.role_scope_tag_ids, 'null')", // no list has no members

		"runSummary": r.sequence, "runSummary/id": r.id,
		"runSummary/noIssueDetectedDeviceCount":        r.noIssue,
		"runSummary/issueDetectedDeviceCount":          r.issue,
		"runSummary/detectionScriptErrorDeviceCount":   r.failed,
		"runSummary/detectionScriptPendingDeviceCount": r.pending,
		"runSummary/lastScriptRunDateTime":             r.lastRun,
	}
}

// scriptList is the list of the scripts, with what of the large and the far is
// wanted. far tells whether a filter or an order looks at the run summary.
func scriptList(with []string, far bool) *list[plimsoll.ListedScript] {
	content, summary := "NULL", slices.Contains(with, "runSummary")
	if slices.Contains(with, "detectionScriptContent") {
		content = scriptContent
	}
	l := &list[plimsoll.ListedScript]{
		from: "script s", columns: scriptProperties(), own: sortKey{sql: "s.id", kind: query.String},
		selects: scriptColumns + ", " + content,
		scan:    scanScriptAlone,
		size:    func(s *plimsoll.ListedScript) int { return textSize(&s.Script) },
	}
	if summary || far {
		// PostgreSQL would merge the tables, which are in one order, and read
		// the head of every script before the page. It cannot merge by what
		// only looks like another value, and finds each by its key.
		l.from += " " + joinHead + " || ''" + joinLatest
	}
	if summary {
		l.selects, l.scan = l.selects+", "+currentColumns(), scanListed
	}
	return l
}

func scanScriptAlone(row scanner, more ...any) (listed plimsoll.ListedScript, err error) {
	listed.Script, err = scanScript(row, more...)
	return listed, err
}

func scanListed(row scanner, more ...any) (listed plimsoll.ListedScript, err error) {
	var summary runSummaryRow
	listed.Script, err = scanScript(row, append(summary.dest(), more...)...)
	if err == nil && summary.sequence.Valid {
		record := summary.currentRecord()
		listed.RunSummary = &record
	}
	return listed, err
}

// textSize gives about how many bytes a script takes.
func textSize(s *plimsoll.Script) int {
	size := len(s.DisplayName) + len(s.Content)
	for _, text := range []*string{s.Publisher, s.Version, s.Description} {
		if text != nil {
			size += len(*text)
		}
	}
	for _, tag := range s.RoleScopeTagIDs {
		size += len(tag)
	}
	return size
}

// Script gives one script, with its content or its current run summary where
// with names them.
func (s *Store) Script(ctx context.Context, id string, with ...string) (plimsoll.ListedScript, error) {
	l := scriptList(with, false)
	script, err := l.scan(s.read.QueryRowContext(ctx, "SELECT "+l.selects+" FROM "+l.from+" WHERE s.id = $1", id))
	if errors.Is(err, sql.ErrNoRows) {
		return script, noScript(id)
	}
	return script, refusal(err)
}

// Scripts gives a page of the scripts, which are sorted by their ids.
func (s *Store) Scripts(ctx context.Context, page query.Page) (query.Rows[plimsoll.ListedScript], error) {
	return scriptList(page.With, looksAt(&page, "runSummary")).read(ctx, s, &page)
}

// CountScripts gives how many scripts filter wants; nil wants all.
func (s *Store) CountScripts(ctx context.Context, filter *query.Expr) (int64, error) {
	return scriptList(nil, looksAt(&query.Page{Filter: filter}, "runSummary")).total(ctx, s, filter)
}
