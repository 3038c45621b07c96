// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	return d, nil
}

// filesOrigin is the first gateway by its number, which browsers take for another origin than its name; empty where
// the gateways listen on more than this machine.
func (d *doors) filesOrigin() string {
	address := d.listeners[0].Addr()
	host, _, err := net.SplitHostPort(address.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return ""
	}
	return "http://" + address.String()
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
