// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	"github.com/parley-chat/parley/api/gen/parley/gateway/v1/gatewayv1connect"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
)

// maxAnswer bounds the answer of a call.
const maxAnswer = 1 << 20

// gates are the base addresses, of which one is in use.
type gates struct {
	mu    sync.Mutex // guards what follows
	bases []string
	at    int
}

func (g *gates) current() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bases[g.at]
}

// failed moves on, unless somebody has already.
func (g *gates) failed(base string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bases[g.at] == base {
		g.at = (g.at + 1) % len(g.bases)
	}
}

// rpc are the generated clients.
type rpc struct {
	transport     *http.Transport
	gate          http.RoundTripper // to the base address in use
	outside       *http.Transport   // to any other address
	auth          userv1connect.AuthServiceClient
	users         userv1connect.UserServiceClient
	friends       friendv1connect.FriendServiceClient
	conversations messagev1connect.ConversationServiceClient
	messages      messagev1connect.MessageServiceClient
	files         filev1connect.FileServiceClient
	sessions      gatewayv1connect.SessionServiceClient
}

// newRPC makes clients that carry the token of the moment.
func newRPC(c Config, g *gates, token func() string) *rpc {
	transport := &http.Transport{
		DialContext: c.Dial, TLSClientConfig: c.TLS, MaxIdleConnsPerHost: maxPulls, IdleConnTimeout: time.Minute,
	}
	gate := gateTransport{g, transport}
	plain := &http.Client{Transport: gate}
	options := []connect.ClientOption{
		connect.WithReadMaxBytes(maxAnswer),
		connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
			return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
				if t := token(); t != "" {
					r.Header().Set("Authorization", "Bearer "+t)
				}
				return next(ctx, r)
			}
		})),
	}
	if c.Format == JSON {
		options = append(options, connect.WithProtoJSON())
	}
	base := c.BaseURLs[0]
	return &rpc{
		transport:     transport,
		gate:          gate,
		outside:       outside(transport),
		auth:          userv1connect.NewAuthServiceClient(plain, base, options...),
		users:         userv1connect.NewUserServiceClient(plain, base, options...),
		friends:       friendv1connect.NewFriendServiceClient(plain, base, options...),
		conversations: messagev1connect.NewConversationServiceClient(plain, base, options...),
		messages:      messagev1connect.NewMessageServiceClient(plain, base, options...),
		files:         filev1connect.NewFileServiceClient(plain, base, options...),
		sessions:      gatewayv1connect.NewSessionServiceClient(plain, base, options...),
	}
}

// outside is a transport to other hosts than the gateways: what proves who the client is stays with those.
func outside(gates *http.Transport) *http.Transport {
	other := gates.Clone()
	if other.TLSClientConfig != nil {
		other.TLSClientConfig.ServerName = ""
		other.TLSClientConfig.Certificates = nil
		other.TLSClientConfig.GetClientCertificate = nil
	}
	return other
}

// gateTransport sends each request to the base address in use.
type gateTransport struct {
	gates *gates
	next  http.RoundTripper
}

// RoundTrip moves on to the next base address after a connection that failed.
func (t gateTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	base := t.gates.current()
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.Host = u.Scheme, u.Host, ""
	answer, err := t.next.RoundTrip(out)
	if err != nil && !errors.Is(err, context.Canceled) {
		t.gates.failed(base)
	}
	return answer, err
}

// Auth is the generated client for accounts and login sessions.
func (c *Client) Auth() userv1connect.AuthServiceClient { return c.rpc.auth }

// Users is the generated client for profiles.
func (c *Client) Users() userv1connect.UserServiceClient { return c.rpc.users }

// Friends is the generated client for friends and requests.
func (c *Client) Friends() friendv1connect.FriendServiceClient { return c.rpc.friends }

// Conversations is the generated client for conversations and markers.
func (c *Client) Conversations() messagev1connect.ConversationServiceClient {
	return c.rpc.conversations
}

// Messages is the generated client for messages and history.
func (c *Client) Messages() messagev1connect.MessageServiceClient { return c.rpc.messages }

// Files is the generated client for what files are; Upload and Download bring their bytes.
func (c *Client) Files() filev1connect.FileServiceClient { return c.rpc.files }
