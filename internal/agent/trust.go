package agent

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"plimsoll"
	"plimsoll/internal/checkin"
)

// newTransport makes what reaches the server at an address. Its certificate must
// come from one of the pinned authorities, in PEM, or from any that the system
// trusts where none is pinned; met is then told of those that vouched for it. Plain
// HTTP is for this machine alone: it would hand scripts to run to anybody between.
func newTransport(server, pinned string, met func(authorities string)) (*http.Transport, error) {
	address, err := url.Parse(server)
	if err != nil || address.Host == "" || strings.Trim(address.Path, "/") != "" || address.RawQuery != "" || address.User != nil {
		return nil, plimsoll.Errorf(plimsoll.Invalid, "The server's address must be like https://plimsoll.example.com, not %q.", server)
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		DialContext:         (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: time.Minute}).DialContext,
		TLSHandshakeTimeout: 15 * time.Second, IdleConnTimeout: 5 * time.Minute, MaxIdleConnsPerHost: 1,
		// A cut connection is found out by a question that stays without an answer.
		HTTP2: &http.HTTP2Config{SendPingTimeout: time.Minute, PingTimeout: 15 * time.Second},
	}
	switch {
	case address.Scheme == "http" && isLoopback(address.Hostname()):
		return transport, nil
	case address.Scheme != "https":
		return nil, plimsoll.Errorf(plimsoll.Invalid,
			"The server's address must begin with https://: plain HTTP is for a server on this machine, by http://127.0.0.1.")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if pinned != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(pinned)) {
			return nil, plimsoll.Errorf(plimsoll.Invalid, "The file of --ca has no certificate in PEM.")
		}
	}
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if met != nil {
			met(rootsOf(state.VerifiedChains))
		}
		return nil
	}
	transport.TLSClientConfig = config
	return transport, nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// rootsOf gives the authorities at the ends of chains, in PEM.
func rootsOf(chains [][]*x509.Certificate) string {
	var roots []string
	for _, chain := range chains {
		root := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw}))
		if !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	return strings.Join(roots, "")
}

// client makes what speaks to the server for the device.
func (i *Identity) client(now func() time.Time, random io.Reader) (*checkin.Client, error) {
	key, err := i.key()
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(i.Server, i.Authority, nil)
	if err != nil {
		return nil, err
	}
	return &checkin.Client{
		Server: i.Server, TenantID: i.TenantID, DeviceID: i.DeviceID, Key: key,
		HTTP: &http.Client{Transport: transport, CheckRedirect: refuseRedirect}, Now: now, Random: random,
	}, nil
}

// refuseRedirect keeps the agent with the server that it enrolled with.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// unreachable says what to do about a server whose certificate is not believed.
func unreachable(err error, server string) error {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		return err
	}
	return &plimsoll.Error{Code: plimsoll.Forbidden, Err: err, Message: "The certificate of " + server + " is of no authority that this machine believes for it (" +
		err.Error() + "). If it is the right server, enrol with --ca FILE, the file of its authority."}
}
