package store

import (
	"context"

	"plimsoll/internal/query"
)

// ScriptPlans gives the engine's plan of each statement that a page of the
// scripts may take.
func (s *Store) ScriptPlans(ctx context.Context, page query.Page) ([]string, error) {
	statements, err := scriptList(page.With, looksAt(&page, "runSummary")).statements(s, &page)
	if err != nil {
		return nil, err
	}
	return s.plans(ctx, statements)
}

// RunStatePlans gives those of a page of a script's run states.
func (s *Store) RunStatePlans(ctx context.Context, scriptID string, page query.Page) ([]string, error) {
	m, err := s.markOf(ctx, scriptID)
	if err != nil {
		return nil, err
	}
	l, err := s.plannedRunStates(ctx, m, &page)
	if err != nil {
		return nil, err
	}
	statements, err := l.statements(s, &page)
	if err != nil {
		return nil, err
	}
	return s.plans(ctx, statements)
}

func (s *Store) plans(ctx context.Context, statements []statement) ([]string, error) {
	plans := make([]string, len(statements))
	for i, one := range statements {
		explain, columns := "EXPLAIN ", 1
		if s.dialect.name == "sqlite" {
			explain, columns = "EXPLAIN QUERY PLAN ", 4
		}
		lines, err := collect(ctx, s.read, func(row scanner) (line string, err error) {
			dest := make([]any, columns)
			for i := range dest {
				dest[i] = new(any)
			}
			dest[columns-1] = &line
			return line, row.Scan(dest...)
		}, explain+one.text+" LIMIT 101", one.args...)
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			plans[i] += line + "\n"
		}
	}
	return plans, nil
}
