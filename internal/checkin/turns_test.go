package checkin

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"plimsoll"
)

// TestTurns has more wait for one device's turn than may: what is beyond is
// refused, another device is not kept waiting, those that wait get their turns one
// by one, and one that leaves makes room.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all turns
		over, err := all.take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		leaving, leave := context.WithCancel(t.Context())
		working, most, done := 0, 0, make(chan error, maxTurns)
		for i := range maxTurns {
			ctx := t.Context()
			if i == 0 {
				ctx = leaving
			}
			go func() {
				end, err := all.take(ctx, "a")
				if err == nil {
					working++
					most = max(most, working)
					time.Sleep(time.Second)
					working--
					end()
				}
				done <- err
			}()
		}
		synctest.Wait()
		if _, err := all.take(t.Context(), "a"); plimsoll.ErrorCode(err) != plimsoll.TooManyRequests {
			t.Errorf("beyond those that may wait: %v", err)
		}
		if end, err := all.take(t.Context(), "b"); err != nil {
			t.Errorf("another device: %v", err)
		} else {
			end()
		}
		leave()
		if err := <-done; err == nil {
			t.Error("one that left had its turn")
		}
		last := make(chan error, 1)
		go func() {
			end, err := all.take(t.Context(), "a")
			if err == nil {
				end()
			}
			last <- err
		}()
		synctest.Wait()
		over()
		for range maxTurns - 1 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if err := <-last; err != nil {
			t.Errorf("where one left: %v", err)
		}
		if most != 1 || len(all.taken) != 0 {
			t.Errorf("%d at once, %d turns left behind", most, len(all.taken))
		}
	})
}
