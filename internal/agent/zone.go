package agent

import (
	"bytes"
	"cmp"
	"os"
	"runtime"
	"time"
)

// LocalZone is the machine's time zone, which people change while programs run. Its
// zero value is ready; one goroutine at a time may use it.
type LocalZone struct {
	file string // "" is that of the system
	data []byte
	zone *time.Location
}

const zoneFile = "/etc/localtime"

// Location gives the zone as it is now, where the system says it by a file, and
// else as it was when the process began.
func (z *LocalZone) Location() *time.Location {
	if _, set := os.LookupEnv("TZ"); set || runtime.GOOS == "windows" {
		return time.Local
	}
	data, err := os.ReadFile(cmp.Or(z.file, zoneFile))
	if err != nil {
		return time.Local
	}
	if z.zone == nil || !bytes.Equal(data, z.data) {
		zone, err := time.LoadLocationFromTZData("Local", data)
		if err != nil {
			return time.Local
		}
		z.data, z.zone = data, zone
	}
	return z.zone
}
