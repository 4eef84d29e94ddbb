package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNetworks has agents on machines of their own, as far as the network goes: a
// link is cut in the middle of a run and restored, and another is slow throughout.
// It runs in namespaces of its own, and leaves the machine's network alone.
func TestNetworks(t *testing.T) {
	t.Parallel()
	const inside = "PLIMSOLL_TEST_NAMESPACE"
	if os.Getenv(inside) == "" {
		words := []string{"--net", "--mount", os.Args[0], "-test.run=^TestNetworks$", "-test.count=1"}
		if os.Geteuid() != 0 {
			words = append([]string{"--map-root-user"}, words...)
		}
		cmd := exec.CommandContext(t.Context(), "unshare", words...)
		cmd.Env = append(os.Environ(), inside+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil { // where ip keeps the names of namespaces
		t.Fatal(err)
	}
	ip(t, "link set lo up")
	ip(t, "link add bridge type bridge")
	ip(t, "address add 10.77.0.1/24 dev bridge")
	ip(t, "address add 10.77.0.99/24 dev bridge")
	ip(t, "link set bridge up")
	s := startServer(t, "sqlite:"+t.TempDir()+"/plimsoll.db", "--tls", "local", "--listen", "10.77.0.1:0", "--host", "plimsoll.test", "--host", "10.77.0.1")
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	slow := func(to, from net.Conn) { delayed(to, from, 400*time.Millisecond) }
	relay(t, "10.77.0.99"+port, "10.77.0.1"+port, slow, slow)
	s.trust(t)
	s.token = s.signIn(t, s.FirstClient)
	secret := s.enrollmentSecret(t)
	var devices []*device
	for n, address := range []string{"10.77.0.1", "10.77.0.1", "10.77.0.99"} {
		devices = append(devices, s.deviceInNamespace(t, n, address, "https://plimsoll.test"+port, secret))
	}
	id := s.assignToAll(t, "Link", "#!/bin/sh\nexit 0\n")
	s.awaitCounts(t, id, "3 0 0 0")

	s.must(t, http.StatusOK, "PATCH", scripts+"/"+id, fmt.Sprintf(`{"detectionScriptContent":%q}`, base64Text("#!/bin/sh\nsleep 1\nexit 1\n")))
	begun := func() bool { return strings.Count(devices[0].log.String(), "script begins") == 2 }
	waitUntil(t, "the first device runs it", begun)
	ip(t, "link set link0 down")
	s.awaitCounts(t, id, "0 2 0 1")
	waitUntil(t, "the first device has its verdict", func() bool { return strings.Contains(devices[0].log.String(), "state=fail") })
	if n := devices[0].status(t).Queued; n != 1 {
		t.Errorf("%d results wait", n)
	}
	ip(t, "link set link0 up")
	s.awaitCounts(t, id, "0 3 0 0")

	// What is asked for reaches also the device whose link is slow.
	for _, d := range devices {
		at, before := s.runState(t, id, d), time.Now()
		s.must(t, http.StatusNoContent, "POST", "/deviceManagement/managedDevices/"+d.status(t).DeviceID+"/initiateOnDemandProactiveRemediation",
			fmt.Sprintf(`{"scriptPolicyId":%q}`, id))
		waitUntil(t, "it runs on request", func() bool { return s.runState(t, id, d) != at })
		if took := time.Since(before); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
	}
}

// runState gives when the script ran on the device last.
func (s *testServer) runState(t *testing.T, script string, d *device) string {
	t.Helper()
	path := scripts + "/" + script + "/deviceRunStates/" + script + ":" + d.status(t).DeviceID
	at, _ := s.must(t, http.StatusOK, "GET", path, "").json["lastStateUpdateDateTime"].(string)
	return at
}

func ip(t *testing.T, command string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(command)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", command, err, out)
	}
}

// deviceInNamespace enrols and starts an agent in a network namespace, where the
// server's name has the address.
func (s *testServer) deviceInNamespace(t *testing.T, n int, address, server, secret string) *device {
	t.Helper()
	name := fmt.Sprintf("machine%d", n)
	ip(t, "netns add "+name)
	ip(t, fmt.Sprintf("link add link%d type veth peer name eth0 netns %s", n, name))
	ip(t, fmt.Sprintf("link set link%d master bridge up", n))
	ip(t, fmt.Sprintf("-n %s address add 10.77.0.1%d/24 dev eth0", name, n))
	ip(t, fmt.Sprintf("-n %s link set eth0 up", name))
	ip(t, fmt.Sprintf("-n %s link set lo up", name))
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte(address+" plimsoll.test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &device{folder: filepath.Join(t.TempDir(), "agent"), log: &processLog{}}
	d.command = []string{"ip", "netns", "exec", name, "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, hosts}
	enroll := append(append([]string{}, d.command...), "plimsoll", "agent", "enroll", "--server", server, "--ca", s.CAFile, "--token", secret, "--data", d.folder)
	if out, err := exec.CommandContext(t.Context(), enroll[0], enroll[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d.start(t)
	return d
}

// relay hands on what comes to an address, there and back each by a function of its
// own, and gives the address.
func relay(tb testing.TB, from, to string, there, back func(to, from net.Conn)) net.Addr {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", from)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(context.WithoutCancel(tb.Context()), "tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			go there(far, near)
			go back(near, far)
		}
	}()
	return listener.Addr()
}

func delayed(to, from net.Conn, late time.Duration) {
	type piece struct {
		due  time.Time
		data []byte
	}
	pieces := make(chan piece, 1000)
	go func() {
		defer close(pieces)
		for {
			data := make([]byte, 16<<10)
			n, err := from.Read(data)
			if n > 0 {
				pieces <- piece{time.Now().Add(late), data[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range pieces {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			break
		}
	}
	_ = to.Close()
	_, _ = io.Copy(io.Discard, from)
}
