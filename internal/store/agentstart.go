package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"plimsoll"
)

// agentProcess is which process a device's agent is, and which it was before.
type agentProcess struct {
	bucket, number    int64
	current, previous string
	clonedAt          time.Time // zero: this transaction found no clone
	changed           bool
}

// start has another process speak for the device. One that was taken over from,
// and speaks again, tells of two machines with one key.
func (p *agentProcess) start(s *plimsoll.AgentStart) error {
	switch s.Instance {
	case p.current:
	case p.previous:
		if p.clonedAt.IsZero() { // the first holds
			p.clonedAt = s.At
		}
		return plimsoll.Errorf(plimsoll.Conflict,
			"Another agent took over for this device: two machines use one key. Enrol this one anew, with a key of its own.")
	default:
		p.current, p.previous, p.changed = s.Instance, p.current, true
	}
	return nil
}

// StartAgents notes which of its processes each device's agent is, in one durable
// transaction. refusals[i] is why starts[i] was refused: Conflict for a process that
// another took over from; its device is marked, and the one that began last goes on.
func (s *Store) StartAgents(ctx context.Context, starts []*plimsoll.AgentStart) (refusals []error, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		refusals = make([]error, len(starts))
		processes, err := s.lockProcesses(ctx, tx, starts)
		if err != nil {
			return err
		}
		for i, start := range starts {
			if p := processes[start.DeviceID]; p != nil {
				refusals[i] = p.start(start)
			} else {
				refusals[i] = noDevice(start.DeviceID)
			}
		}
		return s.writeProcesses(ctx, tx, processes)
	})
	return refusals, err
}

// lockProcesses reads the devices' processes. The devices are the transaction's
// then, in the order of their keys.
func (s *Store) lockProcesses(ctx context.Context, tx *sql.Tx, starts []*plimsoll.AgentStart) (map[string]*agentProcess, error) {
	var buckets []int64
	var ids []string
	processes := map[string]*agentProcess{}
	for _, start := range starts {
		if _, twice := processes[start.DeviceID]; !twice {
			processes[start.DeviceID] = nil
			buckets, ids = append(buckets, plimsoll.DeviceBucket(start.DeviceID)), append(ids, start.DeviceID)
		}
	}
	table, args := s.dialect.table(inputOf("bucket id", buckets, ids))
	_, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
		var id string
		p := &agentProcess{}
		err := row.Scan(&id, &p.bucket, &p.number, &p.current, &p.previous)
		processes[id] = p
		return struct{}{}, err
	}, `SELECT d.id, d.bucket, d.number, d.instance, d.previous_instance
		FROM `+table+` JOIN device d ON d.bucket = input.bucket AND d.id = input.id
		ORDER BY d.bucket, d.number`+s.dialect.lockOf("d"), args...)
	return processes, err
}

func (s *Store) writeProcesses(ctx context.Context, tx *sql.Tx, processes map[string]*agentProcess) error {
	var rows [][5]any
	for id, p := range processes {
		if p == nil || !p.changed && p.clonedAt.IsZero() {
			continue
		}
		if p.changed {
			if err := s.changed(ctx, tx, id); err != nil {
				return err
			}
		}
		row := [5]any{p.bucket, p.number, p.current, p.previous}
		if !p.clonedAt.IsZero() {
			row[4] = ticks(p.clonedAt)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	array, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE device SET instance = value ->> 2, previous_instance = value ->> 3,
			cloned_at = coalesce(cloned_at, CAST(value ->> 4 AS bigint)) FROM `+s.dialect.rows+`
		WHERE device.bucket = CAST(value ->> 0 AS bigint) AND device.number = CAST(value ->> 1 AS bigint)`, string(array))
	return err
}
