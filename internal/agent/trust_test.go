package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"plimsoll"
)

// authority makes certificates for 127.0.0.1.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

func (a *authority) issue(t *testing.T) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: a.key}
}

// TestAnotherCertificate puts another server in the place of the one that the
// device enrolled with: it gets nothing, though it can show a certificate.
func TestAnotherCertificate(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	s := newScripted(t)
	var certificate tls.Certificate
	secure := httptest.NewUnstartedServer(s.Config.Handler)
	secure.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}}, nil
	}}
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	show := func(by *authority) {
		s.mu.Lock()
		defer s.mu.Unlock()
		certificate = by.issue(t)
	}
	show(ours)
	stranger := &Enrolment{Folder: t.TempDir(), Server: secure.URL, Token: "t", Inventory: nil, Now: time.Now, Random: rand.Reader}
	settings, logged := s.settings(t, func(e *Enrolment) {
		e.Server, e.Authority = secure.URL, ours.pem()
		stranger.Inventory = e.Inventory
	})
	for name, authorities := range map[string][]byte{"what the system trusts": nil, "another": theirs.pem()} {
		stranger.Authority = authorities
		_, err := Enroll(t.Context(), stranger)
		if plimsoll.ErrorCode(err) != plimsoll.Forbidden || !strings.Contains(err.Error(), "--ca FILE") {
			t.Errorf("enrolled, believing %s: %v", name, err)
		}
	}
	s.give(s.script(1, "#!/bin/sh\necho well\n"))
	once := func() error {
		t.Helper()
		a, err := Open(settings)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		return a.Once(t.Context())
	}
	if err := once(); err != nil || len(s.results()) != 1 {
		t.Fatalf("%v\n%s", err, logged)
	}
	s.mu.Lock()
	before := s.checkIns
	s.mu.Unlock()
	show(theirs)
	if err := once(); plimsoll.ErrorCode(err) != plimsoll.Forbidden {
		t.Errorf("another authority's server is believed: %v", err)
	}
	if s.mu.Lock(); s.checkIns != before {
		t.Error("another authority's server was told something")
	}
	s.mu.Unlock()
	show(ours) // another certificate, of the same authority
	if err := once(); err != nil {
		t.Error(err)
	}
}

// TestAuthorityIsPinned enrols with a server that the system trusts: from then on
// it is that authority alone.
func TestAuthorityIsPinned(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t, "ours")
	leaf, err := x509.ParseCertificate(ours.issue(t).Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	chain := []*x509.Certificate{leaf, ours.certificate}
	if got := rootsOf([][]*x509.Certificate{chain, chain}); got != string(ours.pem()) {
		t.Errorf("pinned is %s", got)
	}
}

func TestServerAddresses(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"https://plimsoll.example.com": true, "https://plimsoll.example.com/": true, "https://192.0.2.1:8443": true, "http://127.0.0.1:8080": true,
		"http://[::1]:8080": true, "http://localhost:8080/": true,
		"http://plimsoll.example.com": false, "http://127.0.0.1.example.com": false, "plimsoll.example.com": false, "https://a/beta": false,
		"https://a?x": false, "https://me@a": false, "ftp://a": false, "": false, "https://": false,
	} {
		server, err := NormalServer(address)
		if (err == nil) != good || err == nil && strings.HasSuffix(server, "/") {
			t.Errorf("%q: %q, %v", address, server, err)
		}
	}
	if err := refuseRedirect(&http.Request{}, nil); err == nil {
		t.Error("the agent follows another server")
	}
}
