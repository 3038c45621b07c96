// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
)

// Subprotocols.
const (
	ProtoSubprotocol = "parley.v1.proto" // binary protobuf
	JSONSubprotocol  = "parley.v1.json"  // proto3 JSON in text messages
)

// readBuffer of a connection: frames of a chat fit, longer ones are read past it.
const readBuffer = 1 << 10

// Options of a Handler.
type Options struct {
	Hub *gateway.Hub
	// Origins of browsers that may connect, exact with scheme and port. Empty: only the host that was
	// asked. A request without Origin is no browser and may connect.
	Origins []string
	// FrameBytes is the largest message that any session may send.
	FrameBytes int
	// WriteWait is how long a socket may take nothing; 0 means 10 s.
	WriteWait time.Duration
	Now       func() time.Time
	Logger    *slog.Logger
}

// Handler upgrades requests to sessions.
type Handler struct {
	Options
	upgraders map[gateway.Format]*gws.Upgrader
	readers   sync.WaitGroup
}

// New makes a handler for /v1/ws and /v1/ws/<seat>; the seat is a hint for routers in front, and nothing
// here.
func New(o Options) *Handler {
	if o.WriteWait == 0 {
		o.WriteWait = 10 * time.Second
	}
	h := &Handler{Options: o, upgraders: map[gateway.Format]*gws.Upgrader{}}
	for format, name := range map[gateway.Format]string{
		gateway.FormatProto: ProtoSubprotocol, gateway.FormatJSON: JSONSubprotocol,
	} {
		h.upgraders[format] = gws.NewUpgrader(events{h}, &gws.ServerOption{
			ReadMaxPayloadSize: o.FrameBytes, ReadBufferSize: readBuffer, CheckUtf8Enabled: true,
			SubProtocols: []string{name}, Logger: quiet{},
		})
	}
	return h
}

// Wait returns when the last connection has ended; call it after the Hub has stopped.
func (h *Handler) Wait() { h.readers.Wait() }

// ServeHTTP answers the handshake. Refusals are HTTP answers, those that pass carry Retry-After.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format, status := h.check(r)
	if status != 0 {
		refuse(w, status)
		return
	}
	ticket, err := h.Hub.Admit(identity.FromContext(r.Context()).ClientAddress)
	if err != nil {
		busy(w, err)
		return
	}
	// Counted before the server gives the connection away: it does not wait for hijacked ones, and Wait
	// must not miss this one.
	h.readers.Add(1)
	conn, early, err := hijack(w)
	if err != nil {
		h.readers.Done()
		ticket.Release()
		refuse(w, http.StatusInternalServerError)
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	l := &link{Conn: conn, early: early, opcode: opBinary, writeWait: h.WriteWait, now: h.Now}
	if format == gateway.FormatJSON {
		l.opcode = opText
	}
	reader := bufio.NewReaderSize(l, readBuffer)
	ws, err := h.upgraders[format].UpgradeFromConn(l, reader, r)
	if err != nil {
		cancel()
		ticket.Release()
		l.finish()
		h.readers.Done()
		return
	}
	l.session = h.Hub.Accept(socket{l}, format, ticket)
	l.guard.limit = l.session.MaxFrameBytes
	l.open.Store(true)
	ws.Session().Store(contextKey, ctx)
	go func() {
		defer h.readers.Done()
		defer cancel()
		defer ticket.Release()
		ws.ReadLoop()
		l.session.Gone(gateway.CloseCode(l.code.Load())) //nolint:gosec // stored from 16 bits
		l.finish()
	}()
}

// hijack takes the connection over, with what was read too early.
func hijack(w http.ResponseWriter) (net.Conn, []byte, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, err := rw.Peek(rw.Reader.Buffered())
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	return conn, slices.Clone(early), errors.Join(err)
}

// check answers the format of a proper handshake, else an HTTP status. It leaves exactly one
// subprotocol in the request.
func (h *Handler) check(r *http.Request) (gateway.Format, int) {
	switch {
	case !validPath(r.URL.Path):
		return 0, http.StatusNotFound
	case r.Method != http.MethodGet:
		return 0, http.StatusMethodNotAllowed
	case r.ProtoMajor != 1 || !hasToken(r.Header, "Connection", "upgrade") || !hasToken(r.Header, "Upgrade", "websocket") ||
		r.Header.Get("Sec-WebSocket-Version") != "13":
		return 0, http.StatusUpgradeRequired
	case !validKey(r.Header.Get("Sec-WebSocket-Key")) || r.ContentLength != 0:
		return 0, http.StatusBadRequest
	case !h.allowed(r):
		return 0, http.StatusForbidden
	}
	for _, offered := range tokens(r.Header, "Sec-WebSocket-Protocol") {
		switch offered {
		case ProtoSubprotocol:
			r.Header.Set("Sec-WebSocket-Protocol", ProtoSubprotocol)
			return gateway.FormatProto, 0
		case JSONSubprotocol:
			r.Header.Set("Sec-WebSocket-Protocol", JSONSubprotocol)
			return gateway.FormatJSON, 0
		}
	}
	return 0, http.StatusBadRequest
}

// validPath takes the paths with and without a seat.
func validPath(path string) bool {
	seat, found := strings.CutPrefix(path, "/v1/ws")
	if !found || seat == "" {
		return found
	}
	_, err := strconv.ParseUint(strings.TrimPrefix(seat, "/"), 10, 32)
	return err == nil && seat[0] == '/'
}

// validKey takes 16 bytes in base64.
func validKey(key string) bool {
	b, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(b) == 16
}

// allowed looks at the origin of a browser.
func (h *Handler) allowed(r *http.Request) bool {
	values := r.Header.Values("Origin")
	if len(values) == 0 {
		return true
	}
	if len(values) > 1 {
		return false
	}
	if len(h.Origins) > 0 {
		return slices.Contains(h.Origins, values[0])
	}
	origin, err := url.Parse(values[0])
	return err == nil && origin.Host != "" && strings.EqualFold(origin.Host, r.Host) &&
		(origin.Scheme == "http" || origin.Scheme == "https")
}

// tokens are the comma-separated values of a header that may come more than once.
func tokens(header http.Header, name string) []string {
	var list []string
	for _, line := range header.Values(name) {
		for token := range strings.SplitSeq(line, ",") {
			list = append(list, strings.TrimSpace(token))
		}
	}
	return list
}

func hasToken(header http.Header, name, want string) bool {
	return slices.ContainsFunc(tokens(header, name), func(t string) bool { return strings.EqualFold(t, want) })
}

func refuse(w http.ResponseWriter, status int) {
	if status == http.StatusUpgradeRequired {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Sec-WebSocket-Version", "13")
	}
	http.Error(w, http.StatusText(status), status)
}

// busy refuses a handshake for a while.
func busy(w http.ResponseWriter, err error) {
	status, after := http.StatusServiceUnavailable, 5*time.Second
	f, ok := fault.Of(err)
	if ok || errors.Is(err, gateway.ErrAddressBusy) {
		status = http.StatusTooManyRequests
	}
	if ok {
		after = max(f.RetryAfter(), time.Second)
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(after.Seconds())))
	refuse(w, status)
}
