// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/secret"
	userserver "github.com/parley-chat/parley/services/user/server"
)

// stopWithin bounds the stop of all services together; each takes 10 s at most, and they overlap little.
const stopWithin = 25 * time.Second

// Options of a run.
type Options struct {
	// Manifest is the text of a ChatCluster; empty is the smallest one, with one gateway.
	Manifest []byte
	// Name of the manifest in messages, usually its file.
	Name string
	// DataDir holds everything that must outlive the process; it is made if it is missing.
	DataDir string
	// Addr is the address that the gateways listen on; empty is 127.0.0.1.
	Addr string
	// Port of the first gateway; 0 takes free ones.
	Port int
	// Stdout gets the ready line, and the link for the first administrator while there is none.
	Stdout io.Writer
	// Log gets the services' logs, as JSON lines.
	Log io.Writer
	// Environ may raise the limits of gateways by PARLEY_GATEWAY_… variables, say by PARLEY_SPEECH_… ones who reads
	// recordings, and name by PARLEY_S3_… ones a bucket for files; nothing else is read.
	Environ map[string]string
	// Ready is called with the gateways' addresses once everything serves; may be nil.
	Ready func(urls []string)
}

// Run serves until ctx ends, then stops everything in reverse order. An error is one line, for a person
// to read.
func Run(ctx context.Context, o Options) error {
	plan, err := planOf(o)
	if err != nil {
		return err
	}
	folder, err := openFolder(o.DataDir)
	if err != nil {
		return err
	}
	defer folder.close()
	doors, err := openDoors(ctx, plan, o)
	if err != nil {
		return err
	}
	keys, err := folder.keys()
	if err != nil {
		doors.close()
		return err
	}
	s := newSystem(plan, folder, keys, doors, o)
	group := lifecycle.New(s.logger("dev"))
	group.StopWithin(stopWithin)
	if err := s.register(group); err != nil {
		doors.close()
		return err
	}
	group.Go("ready", func(ctx context.Context) error { return s.announce(ctx, plan, o) })
	return oneLine(group.Run(ctx))
}

// announce waits for all services, then tells where to go.
func (s *system) announce(ctx context.Context, plan plan, o Options) error {
	for range s.count {
		select {
		case <-s.started:
		case <-ctx.Done():
			return nil
		}
	}
	if plan.ignored != "" {
		if _, err := fmt.Fprintln(o.Stdout, plan.ignored); err != nil {
			return fmt.Errorf("write to standard output: %w", err)
		}
	}
	if _, err := fmt.Fprintf(o.Stdout, "Parley is ready: %s\n", strings.Join(s.doors.urls, " and ")); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	if err := s.inviteOwner(ctx, o); err != nil {
		return err
	}
	if o.Ready != nil {
		o.Ready(s.doors.urls)
	}
	return nil
}

// inviteOwner prints a link for the first administrator while there is none.
func (s *system) inviteOwner(ctx context.Context, o Options) error {
	token, err := userserver.CreateFirstLink(ctx, userserver.Config{MySQLDSN: secret.New(s.folder.dsn(component.User))})
	if err != nil || token == "" {
		return err
	}
	_, err = fmt.Fprintf(o.Stdout, "There is no administrator yet. Whoever opens this within 24 hours and signs in becomes one: %s\n",
		component.AdministratorLink(s.doors.urls[0], token))
	if err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

// oneLine makes one line of joined errors.
func oneLine(err error) error {
	if err == nil || !strings.Contains(err.Error(), "\n") {
		return err
	}
	return errors.New(strings.Join(strings.Split(err.Error(), "\n"), "; "))
}

// plan is what the manifest asks of one process.
type plan struct {
	gateways    int
	maxSessions int32
	logLevel    string
	speech      map[string]string // settings of the speech service
	ignored     string            // a line for people; empty if nothing is
}

// planOf reads a manifest by the same rules as the operator.
func planOf(o Options) (plan, error) {
	text, name := o.Manifest, o.Name
	if len(text) == 0 {
		text = []byte(smallest)
	}
	if name == "" {
		name = "the manifest"
	}
	cluster, err := chatv1alpha1.Decode(text)
	if err != nil {
		return plan{}, fmt.Errorf("%s: %w", name, err)
	}
	if err := chatv1alpha1.Join(cluster.Validate()); err != nil {
		return plan{}, fmt.Errorf("%s: %w", name, oneLine(err))
	}
	full := cluster.WithDefaults()
	gateway := full.Spec.Services.Gateway
	return plan{
		gateways:    int(*gateway.Replicas),
		maxSessions: *gateway.MaxSessionsPerPod,
		logLevel:    string(full.Spec.LogLevel),
		speech:      speechSettings(full, o.Environ),
		ignored:     ignoredBy(cluster),
	}, nil
}

// smallest is the cluster without a manifest.
const smallest = `
apiVersion: chat.parley.dev/v1alpha1
kind: ChatCluster
metadata: {name: demo}
spec:
  version: "0.1.0"
  profile: Development
  services: {gateway: {replicas: 1}}
  dependencies:
    mysql: {secretRef: {name: demo-mysql}}
    rabbitmq: {secretRef: {name: demo-rabbitmq}}
`

// doors are the public listeners, one per gateway.
type doors struct {
	listeners []net.Listener
	urls      []string
	// filesOrigin is the separate origin of files; empty: they have that of the chat.
	filesOrigin string
}

func (d *doors) close() {
	for _, listener := range d.listeners {
		_ = listener.Close() // nothing was served
	}
}

func (s *system) logger(name string) *slog.Logger {
	return slog.New(s.handler).With("component", name)
}
