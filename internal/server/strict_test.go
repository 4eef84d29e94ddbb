package server

import (
	"net/http"
	"path/filepath"
	"testing"
)

// The year of HTTPS is said with certificates that browsers trust by themselves, in
// every answer, and nowhere else.
func TestStrictTransport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pairIn(t, dir, newClock().now(), 90*day)
	for name, test := range map[string]struct {
		cfg  Config
		root string
		want string
	}{
		"files": {filesConfig(dir), filepath.Join(dir, "root.pem"), "max-age=31536000"},
		"auto":  {Config{Listen: "127.0.0.1:0", CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}, filepath.Join(dir, "root.pem"), "max-age=31536000"},
		"local": {localConfig(t.TempDir()), "", ""},
		"plain": {Config{Listen: "127.0.0.1:0"}, "", ""},
		"proxy": {Config{Listen: "127.0.0.1:0", BehindProxy: true}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, test.cfg, newClock().now, http.NotFoundHandler())
			if test.root == "" {
				test.root = s.CAFile()
			}
			response, err := client(t, test.root).Get(s.URL())
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if got := response.Header.Get("Strict-Transport-Security"); got != test.want || response.StatusCode != http.StatusNotFound {
				t.Errorf("%s, Strict-Transport-Security is %q, want %q", response.Status, got, test.want)
			}
		})
	}
}
