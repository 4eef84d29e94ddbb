package odata

import (
	"testing"
	"time"
)

// TestWideNumbers holds filters on an Int64 to numbers of 64 bits: what could
// leave them is refused.
func TestWideNumbers(t *testing.T) {
	t.Parallel()
	for filter, ok := range map[string]bool{
		"size%20gt%209223372036854775806": true,
		"size%20eq%20null":                true,
		"size%20lt%201.5":                 false,
		"size%20add%201%20eq%202":         false,
		"-size%20eq%202":                  false,
		"size%20mul%202%20eq%202":         false,
		"size%20div%20-1%20eq%202":        false,
	} {
		_, err := ParseQuery("$filter="+filter, boxType().Type(), time.Now(), OptionFilter)
		if ok != (err == nil) {
			t.Errorf("%s: %v", filter, err)
		}
	}
}
