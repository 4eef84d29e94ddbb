package graph

import (
	"net/url"
	"slices"
	"strings"

	"plimsoll"
	"plimsoll/internal/odata"
)

// maxBound is how many entities a body may bind at once, as in Graph.
const maxBound = 20

// deviceKeys gives the devices that a body binds to a navigation.
func deviceKeys(navigation string, addresses []string) ([]string, error) {
	name := navigation + "@odata.bind"
	if len(addresses) > maxBound {
		return nil, plimsoll.Invalidf(name, "%s has %d members; at most %d are bound at once.", name, len(addresses), maxBound)
	}
	keys := make([]string, len(addresses))
	for i, address := range addresses {
		key, err := deviceKey(name, address)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

// deviceKey gives the key of the device that an address leads to, absolute or
// below the root. Graph's names for what a device is in a directory are taken
// too.
func deviceKey(member, address string) (string, error) {
	if u, err := url.Parse(address); err == nil {
		segments, _, err := odata.ParsePath(u.EscapedPath(), parametersOf)
		if n := len(segments); err == nil && n >= 2 && slices.Contains([]string{"managedDevices", "directoryObjects", "devices"}, segments[n-2]) {
			return unquoted(segments[n-1]), nil
		}
	}
	return "", plimsoll.Invalidf(member, "%s must lead to a device, such as …/%s/{id}, and not be %.200q.", member, devicesName, address)
}

// unquoted gives a key that may stand in quotes, as one in parentheses does.
func unquoted(key string) string {
	if quoted, ok := strings.CutPrefix(key, "'"); ok {
		return strings.TrimSuffix(quoted, "'")
	}
	return key
}
