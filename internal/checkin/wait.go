package checkin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"plimsoll"
)

const (
	maxWait        = 240 * time.Second // below what proxies and NATs let pass at most
	waitSlack      = 30 * time.Second  // to write the answer, beyond the wait
	maxDeviceWaits = 2                 // of one device: one may be that of a connection that broke
	maxRetryWait   = 5 * time.Minute   // that an agent is told to pause where too many wait
)

// wait answers 204 when the device has to run something other than If-None-Match
// names, and 304 when the time is over that Prefer gives. It takes no turn of the
// device's check-ins.
func (h *Handler) wait(c *call) (*answer, error) {
	etag, err := heldETag(c.Header)
	if err != nil {
		return nil, err
	}
	atMost, err := preferredWait(c.Header)
	if err != nil {
		return nil, err
	}
	var changed bool
	if atMost < time.Second {
		changed, err = h.Service.HasChanged(c.Context(), c.deviceID, etag)
	} else {
		changed, err = h.awaitChange(c, etag, min(atMost, maxWait))
	}
	switch {
	case err != nil:
		return nil, err
	case changed:
		return &answer{status: http.StatusNoContent}, nil
	default:
		return &answer{status: http.StatusNotModified}, nil
	}
}

// awaitChange waits, for longer than requests have otherwise.
func (h *Handler) awaitChange(c *call, etag string, atMost time.Duration) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(c.sent.Context(), atMost)
	defer cancel()
	end := h.waits.begin(c.deviceID, cancel)
	if end == nil {
		return false, &plimsoll.Error{
			Code: plimsoll.TooManyRequests, RetryAfter: min(h.Service.CheckInInterval(), maxRetryWait),
			Message: "As many agents wait here as may, or this one waits already; check in at the interval instead.",
		}
	}
	defer end()
	began := h.Now()
	// In place of the server's, which is for requests that are answered soon.
	if err := http.NewResponseController(c.w).SetWriteDeadline(began.Add(atMost + waitSlack)); err != nil {
		return false, fmt.Errorf("give a wait its time: %w", err)
	}
	changed, err = h.Service.AwaitChange(ctx, c.deviceID, etag)
	c.waited = h.Now().Sub(began)
	return changed, err
}

// StopWaiting ends every wait as if its time were over, and all that come later.
func (h *Handler) StopWaiting() { h.waits.stop() }

// Waiting gives how many wait now.
func (h *Handler) Waiting() int { return h.waits.count() }

// waits are those under way.
type waits struct {
	most int // at once

	mu      sync.Mutex
	stopped bool
	under   map[*context.CancelFunc]struct{} // what ends each
	devices map[string]int                   // how many each device has
}

// begin notes a wait that stop may end, and gives what is called at its end; nil
// where no more may wait.
func (w *waits) begin(device string, stop context.CancelFunc) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.under) >= w.most || w.devices[device] >= maxDeviceWaits {
		return nil
	}
	if w.under == nil {
		w.under, w.devices = map[*context.CancelFunc]struct{}{}, map[string]int{}
	}
	if w.stopped {
		stop()
	}
	w.under[&stop] = struct{}{}
	w.devices[device]++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.under, &stop)
		if w.devices[device]--; w.devices[device] == 0 {
			delete(w.devices, device)
		}
	}
}

func (w *waits) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for stop := range w.under {
		(*stop)()
	}
}

func (w *waits) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.under)
}

// heldETag reads If-None-Match (RFC 9110, section 13.1.2), which names one entity
// tag here; "" where it is not given.
func heldETag(header http.Header) (string, error) {
	value := strings.TrimSpace(strings.Join(header.Values("If-None-Match"), ","))
	if value == "" {
		return "", nil
	}
	tag := strings.TrimPrefix(value, "W/")
	inner := strings.TrimSuffix(strings.TrimPrefix(tag, `"`), `"`)
	if len(tag) != len(inner)+2 || strings.Contains(inner, `"`) {
		return "", plimsoll.Invalidf("If-None-Match", `If-None-Match must be the etag of the last check-in's answer, in quotes.`)
	}
	return inner, nil
}

// preferredWait reads the wait of Prefer (RFC 7240, section 4.3), the first of which
// holds; 0 where there is none. One that is longer than anything is maxWait.
func preferredWait(header http.Header) (time.Duration, error) {
	for _, value := range header.Values("Prefer") {
		for _, preference := range splitList(value) {
			preference, _, _ = strings.Cut(preference, ";") // its parameters mean nothing here
			name, seconds, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds = strings.TrimSpace(seconds)
			if seconds == "" || strings.Trim(seconds, "0123456789") != "" {
				return 0, plimsoll.Invalidf("Prefer", "Prefer: wait must be a number of whole seconds, as in wait=%d.", int(maxWait/time.Second))
			}
			n, err := strconv.ParseUint(seconds, 10, 16)
			if err != nil { // digits alone: it is too large
				n = uint64(maxWait / time.Second)
			}
			return time.Duration(n) * time.Second, nil
		}
	}
	return 0, nil
}

// splitList splits a header's list at commas that are in no quoted string (RFC 9110,
// section 5.6.4).
func splitList(value string) (items []string) {
	from, quoted := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && quoted:
			i++ // whatever follows is as it is
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			items, from = append(items, value[from:i]), i+1
		}
	}
	return append(items, value[from:])
}
