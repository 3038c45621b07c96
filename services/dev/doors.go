// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
)

const (
	defaultAddr = "127.0.0.1"
	lastPort    = 65535
)

// openDoors listens on all ports before anything starts, so that a busy one is found first.
func openDoors(ctx context.Context, plan plan, o Options) (*doors, error) {
	addr := o.Addr
	if addr == "" {
		addr = defaultAddr
	}
	if o.Port < 0 || o.Port+plan.gateways-1 > lastPort {
		return nil, fmt.Errorf("port %d: choose one from 1 to %d with --port", o.Port, lastPort-plan.gateways+1)
	}
	d := &doors{}
	for k := range plan.gateways {
		port := o.Port
		if port != 0 {
			port += k
		}
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(addr, strconv.Itoa(port)))
		if err != nil {
			d.close()
			return nil, doorError(err, addr, port)
		}
		d.listeners = append(d.listeners, listener)
		d.urls = append(d.urls, urlOf(listener.Addr()))
	}
	if err := d.openFiles(ctx, addr); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// openFiles gives the first gateway a second port, where files and nothing else are: browsers take another port for
// another origin. Where the gateways listen on more than this machine there is none, because nobody could be told its
// address.
func (d *doors) openFiles(ctx context.Context, addr string) error {
	if ip := net.ParseIP(addr); ip == nil || !ip.IsLoopback() {
		return nil
	}
	files, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(addr, "0"))
	if err != nil {
		return fmt.Errorf("port of files on %s: %w", addr, err)
	}
	d.listeners[0] = join(d.listeners[0], files)
	d.filesOrigin = "http://" + files.Addr().String()
	return nil
}

// pageOrigins are those of the web client, by the name of this machine and by its number.
func (d *doors) pageOrigins() []string {
	origins := slices.Clone(d.urls)
	for _, listener := range d.listeners {
		origins = append(origins, "http://"+listener.Addr().String())
	}
	return origins
}

// doorError says what to do about a port that cannot be had.
func doorError(err error, addr string, port int) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %d is in use: stop the program that listens on it, or choose another with --port", port)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("port %d may not be opened by this user: choose one above 1023 with --port", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("address %s is none of this machine: choose another with --addr", addr)
	default:
		return fmt.Errorf("listen on %s: choose another address with --addr or --port: %w", net.JoinHostPort(addr, strconv.Itoa(port)), err)
	}
}

// urlOf shows a loopback address by the name that browsers trust most.
func urlOf(address net.Addr) string {
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return "http://" + address.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsLoopback() || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
