// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

func TestTroubleWithTheFolderSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"a full disk":     {&fs.PathError{Err: syscall.ENOSPC}, "the disk of the data folder data is full: make room, or choose another folder with --data"},
		"a used-up quota": {fmt.Errorf("x: %w", syscall.EDQUOT), "the disk of the data folder data is full: make room, or choose another folder with --data"},
		"no permission":   {&fs.PathError{Err: syscall.EACCES}, "the data folder data cannot be written: change its permissions, or choose another folder with --data"},
		"a read-only one": {&fs.PathError{Err: syscall.EROFS}, "the data folder data cannot be written: change its permissions, or choose another folder with --data"},
		"anything else":   {errors.New("boom"), "use the data folder data, or choose another with --data: boom"},
	} {
		if got := folderError("data", row.err).Error(); got != row.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestTroubleWithAPortSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"a low port":    {syscall.EACCES, "port 80 may not be opened by this user: choose one above 1023 with --port"},
		"anything else": {errors.New("boom"), "listen on x:80: choose another address with --addr or --port: boom"},
	} {
		if got := doorError(row.err, "x", 80).Error(); got != row.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestAddressesArePrintedForBrowsers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"127.0.0.1:8080": "http://localhost:8080", "0.0.0.0:80": "http://localhost:80", "[::1]:8080": "http://localhost:8080",
		"192.0.2.7:8080": "http://192.0.2.7:8080", "[2001:db8::1]:8080": "http://[2001:db8::1]:8080",
	} {
		address, err := net.ResolveTCPAddr("tcp", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := urlOf(address); got != want {
			t.Errorf("%s: got %s", text, got)
		}
	}
	if got := urlOf(memoryAddr("x")); got != "http://x" {
		t.Errorf("got %s", got)
	}
}

func TestWhatIsIgnored(t *testing.T) {
	t.Parallel()
	full := &chatv1alpha1.ChatCluster{}
	replicas := int32(3)
	full.Spec.Image, full.Spec.Exposure = &chatv1alpha1.Image{}, &chatv1alpha1.Exposure{}
	full.Spec.PodTemplate, full.Spec.Keys = &chatv1alpha1.PodTemplate{}, &chatv1alpha1.KeysReference{}
	full.Spec.ServiceAccounts, full.Spec.Upgrade = &chatv1alpha1.ServiceAccounts{}, &chatv1alpha1.Upgrade{}
	full.Spec.Services.User = &chatv1alpha1.Service{Replicas: &replicas}
	want := "Ignored from the manifest, in one process: image, exposure, podTemplate, keys, serviceAccounts, upgrade, the settings of pods, dependencies (embedded)"
	if got := ignoredBy(full); got != want {
		t.Errorf("got %q", got)
	}
	gateway := &chatv1alpha1.ChatCluster{}
	gateway.Spec.Services.Gateway = &chatv1alpha1.GatewayService{MaxSessionsPerPod: &replicas}
	if got := ignoredBy(gateway); strings.Contains(got, "pods") {
		t.Errorf("sessions are honoured, but it says %q", got)
	}
	gateway.Spec.Services.Gateway.Drain = &chatv1alpha1.Drain{}
	if got := ignoredBy(gateway); !strings.Contains(got, "pods") {
		t.Errorf("a drain is not honoured, but it says %q", got)
	}
}

func TestLimitsOfGatewaysCanBeRaised(t *testing.T) {
	t.Parallel()
	s := &system{plan: plan{maxSessions: 7}, environ: map[string]string{
		"PARLEY_GATEWAY_SENDS_PER_SECOND": "100", "PARLEY_GATEWAY_SEAT": "9", "PARLEY_GATEWAY_MAX_SESSIONS": "9", "PARLEY_MYSQL_DSN": "x",
	}}
	got := s.gatewaySettings(1)
	for key, want := range map[string]string{
		"PARLEY_GATEWAY_SENDS_PER_SECOND": "100", "PARLEY_GATEWAY_SEAT": "1", "PARLEY_GATEWAY_MAX_SESSIONS": "7",
		"PARLEY_POD_NAME": "gateway-1", "PARLEY_MYSQL_DSN": "",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}

func TestServicesMeetInMemory(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	listener := n.listen("user")
	server := &http.Server{
		ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
		}),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	transport := n.transport()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	body := strings.Repeat("x", 300_000) // more than any buffer on the way
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			response, err := client.Post(urlFor("user")+"/", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			if got, err := io.ReadAll(response.Body); err != nil || string(got) != body {
				t.Errorf("%d bytes came back, %v", len(got), err)
			}
		})
	}
	calls.Wait()
	transport.CloseIdleConnections()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	if _, err := client.Get(urlFor("user")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener answers %v", err)
	}
}

func TestDialsThatFail(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	if _, err := n.dial(t.Context(), "memory", "nobody.parley:80"); err == nil || !strings.Contains(err.Error(), "nobody.parley") {
		t.Errorf("got %v", err)
	}
	if _, err := n.dial(t.Context(), "memory", "no port"); err == nil {
		t.Error("an address without port was dialled")
	}
	listener := n.listen("busy")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.dial(ctx, "memory", "busy.parley:80"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if listener.Addr().String() != "busy" || listener.Addr().Network() != "memory" {
		t.Errorf("address %v", listener.Addr())
	}
	for range 2 {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
