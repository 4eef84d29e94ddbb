package httpapi

import "testing"

func TestNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7:51234":                     "192.0.2.7/32",
		"[::ffff:192.0.2.7]:1":                "192.0.2.7/32",
		"[2001:db8:1:2:3:4:5:6]:443":          "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::1]:0":            "2001:db8:1:2::/64",
		"[2001:db8:1:3::1]:0":                 "2001:db8:1:3::/64",
		"[fe80::1%eth0]:80":                   "fe80::/64",
		"what a listener of another kind has": "what a listener of another kind has",
	} {
		if got := Network(address); got != want {
			t.Errorf("%s is of the network %q, want %q", address, got, want)
		}
	}
}
