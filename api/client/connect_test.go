// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	connectrpc "connectrpc.com/connect"

	"github.com/parley-chat/parley/api/client"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
)

func auths(f *fake) []*gatewayv1.Auth {
	return got(f, (*gatewayv1.ClientFrame).GetAuth, func(a *gatewayv1.Auth) bool { return a != nil })
}

func cursors(f *fake) []string {
	var out []string
	for _, r := range got(f, (*gatewayv1.ClientFrame).GetResume, func(r *gatewayv1.Resume) bool { return r != nil }) {
		out = append(out, r.GetCursor())
	}
	return out
}

func TestAuthTellsWhoConnects(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		join(t, f, func(c *client.Config) {
			c.Instance, c.Locale, c.AppVersion, c.Platform = "i1", "zh-Hans", "1.2", gatewayv1.Platform_PLATFORM_NATIVE
		})
		f.last().close(4001, "SLOW")
		pass(time.Second)
		first, second := auths(f)[0], auths(f)[1]
		check(t, "token, instance, locale, version", []string{"token", "i1", "zh-Hans", "1.2"},
			[]string{first.GetToken(), first.GetDevice().GetInstanceId(), first.GetDevice().GetLocale(), first.GetDevice().GetAppVersion()})
		check(t, "protocol and last epochs", []int64{1, 0, 101},
			[]int64{int64(first.GetProtocol()), first.GetLastEpoch(), second.GetLastEpoch()})
	})
}

func TestJSONFrames(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		f.say("k", 2)
		d := join(t, f, func(c *client.Config) { c.Format = client.JSON })
		pass(0)
		check(t, "seq", int64(3), seqOf(t, d.send("k", "hi")))
		f.say("k", 1)
		pass(time.Second)
		check(t, "messages", upTo(4), d.received("k"))
	})
}

func TestBackoffGrowsAndEndsWithALastingConnection(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		var down atomic.Bool
		set(f, &f.onUpgrade, func(int) (int, string) {
			if down.Load() {
				return 502, ""
			}
			return 0, ""
		})
		d := join(t, f)
		down.Store(true)
		f.last().close(4000, "MOVED")
		// Dice fall in the middle: 0.25, 0.5, 1, 2, 4, 8, 15, 15 … seconds.
		for i, want := range []struct {
			wait  time.Duration
			dials int
		}{{250 * time.Millisecond, 2}, {750 * time.Millisecond, 3}, {1750 * time.Millisecond, 4}, {3750 * time.Millisecond, 5}} {
			start := want.wait
			if i > 0 {
				start -= []time.Duration{0, 250, 750, 1750}[i] * time.Millisecond
			}
			pass(start + time.Millisecond/8)
			check(t, "dials", want.dials, f.dialed())
			d.inState(client.Waiting)
		}
		pass(10 * time.Minute)
		if before := f.dialed(); true {
			pass(time.Minute)
			check(t, "dials in a minute after many failures", before+4, f.dialed())
		}
		down.Store(false)
		pass(2 * time.Minute)
		d.inState(client.Live)
		before := f.dialed()
		f.last().close(4000, "MOVED")
		pass(260 * time.Millisecond)
		check(t, "dials soon after a lasting connection", before+1, f.dialed())
	})
}

func TestServerNamesTheWait(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		lose func(f *fake, p *peer)
		wait time.Duration // with dice in the middle
	}{
		"in the close reason": {
			func(_ *fake, p *peer) { p.close(4200, "OVERLOADED;after=5000;jitter=10000") }, 10 * time.Second,
		},
		"in the close reason of a move": {
			func(_ *fake, p *peer) { p.close(4000, "MOVED;after=7000") }, 7 * time.Second,
		},
		"by the code 1013": {func(_ *fake, p *peer) { p.close(1013, "") }, 10 * time.Second},
		"in an error frame before the close": {
			func(_ *fake, p *peer) {
				p.write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Error{Error: &gatewayv1.Error{
					Reason: "OVERLOADED", Retry: gatewayv1.Retry_RETRY_AFTER, RetryAfterMs: 9000,
				}}})
				p.close(4203, "MAINTENANCE")
			}, 9 * time.Second,
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				d := join(t, f)
				row.lose(f, f.last())
				pass(row.wait - 10*time.Millisecond)
				check(t, "dials before the time", 1, f.dialed())
				pass(20 * time.Millisecond)
				check(t, "dials", 2, f.dialed())
				d.inState(client.Live)
			})
		})
	}
}

func TestRetryAfterOfARefusedUpgrade(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		set(f, &f.onUpgrade, func(n int) (int, string) {
			if n == 1 {
				return 503, "20"
			}
			return 0, ""
		})
		d := join(t, f)
		pass(20 * time.Second)
		check(t, "dials before the time", 1, f.dialed())
		pass(time.Second)
		check(t, "dials", 2, f.dialed())
		d.inState(client.Live)
	})
}

func TestStepsWithoutAnAnswerEnd(t *testing.T) {
	t.Parallel()
	for name, match := range map[string]func(*gatewayv1.ClientFrame) bool{
		"auth":   func(f *gatewayv1.ClientFrame) bool { return f.GetAuth() != nil },
		"resume": func(f *gatewayv1.ClientFrame) bool { return f.GetResume() != nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				set(f, &f.onFrame, once(match, func(*peer, *gatewayv1.ClientFrame) {}))
				d := join(t, f)
				pass(9 * time.Second)
				check(t, "dials", 1, f.dialed())
				pass(2 * time.Second)
				check(t, "dials", 2, f.dialed())
				d.inState(client.Live)
			})
		})
	}
}

func TestNoPongMeansReconnect(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool { return p.n == 1 && frame.GetPing() != nil })
		pass(34 * time.Second)
		check(t, "dials", 1, f.dialed())
		pass(2 * time.Second)
		check(t, "dials", 2, f.dialed())
		d.inState(client.Live)
		pass(5 * time.Minute)
		check(t, "dials", 2, f.dialed())
	})
}

func TestHiddenForAnHour(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		pings := func() []*gatewayv1.Ping {
			return got(f, (*gatewayv1.ClientFrame).GetPing, func(p *gatewayv1.Ping) bool { return p != nil })
		}
		d := join(t, f)
		d.SetVisible(false)
		pass(time.Hour)
		if n := len(pings()); n < 58 || n > 62 {
			t.Errorf("%d pings in a hidden hour, want about one a minute", n)
		}
		if last := pings()[len(pings())-1]; last.GetActive() {
			t.Error("a hidden client says that it is active")
		}
		set(f, &f.silent, true)
		f.say("k", 2)
		before := len(pings())
		d.SetVisible(true)
		pass(2100 * time.Millisecond)
		check(t, "pings at once when it is seen again", before+1, len(pings()))
		check(t, "messages", upTo(2), d.received("k"))
		check(t, "connections", 1, f.dialed())
	})
}

func TestSuspendedForADay(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		var jump atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(jump.Load())) }
		d := join(t, f, func(c *client.Config) { c.Now = now })
		f.say("k", 1)
		pass(30 * time.Second)
		set(f, &f.silent, true)
		jump.Store(int64(24 * time.Hour)) // timers stood still; the socket is dead and nobody has told
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool { return p.n == 1 && frame.GetPing() != nil })
		f.say("k", 3)
		d.Wake()
		pass(11 * time.Second)
		d.inState(client.Live)
		check(t, "messages", upTo(4), d.received("k"))
		check(t, "dials", 2, f.dialed())
	})
}

func TestWakeTriesAtOnceButNotMoreThanOnceASecond(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		set(f, &f.onUpgrade, func(n int) (int, string) {
			if n < 4 {
				return 503, "3600"
			}
			return 0, ""
		})
		d := join(t, f)
		pass(5 * time.Second)
		d.Wake()
		pass(0)
		check(t, "dials after a wake", 2, f.dialed())
		for range 20 {
			d.Wake()
			pass(50 * time.Millisecond)
		}
		check(t, "dials after a second of wakes", 3, f.dialed())
		d.Wake()
		pass(time.Second)
		d.inState(client.Live)
	})
}

func TestTokenSwappedLive(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		d.SetToken("newer")
		pass(0)
		list := auths(f)
		check(t, "tokens", []string{"token", "newer"}, []string{list[0].GetToken(), list[1].GetToken()})
		f.say("k", 1)
		pass(time.Second)
		d.inState(client.Live)
		check(t, "messages", upTo(1), d.received("k"))
		f.last().close(4000, "MOVED")
		pass(time.Second)
		check(t, "token of the next connection", "newer", auths(f)[2].GetToken())
		check(t, "dials", 2, f.dialed())
	})
}

func TestWithoutATokenRunEndsAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f, func(c *client.Config) { c.Token = "" })
		var stop *client.StopError
		if err := d.ended(); !errors.As(err, &stop) || stop.State != client.SignedOut {
			t.Errorf("Run: %v", err)
		}
		check(t, "dials", 0, f.dialed())
		d.SetToken("token")
		d.start()
		d.inState(client.Live)
	})
}

func TestRunTwiceIsRefused(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		if err := d.Run(t.Context()); !errors.Is(err, client.ErrRunning) {
			t.Errorf("Run: %v, want ErrRunning", err)
		}
	})
}

func TestResolveNamesTheWayIn(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		set(f, &f.onResolve, func() (*gatewayv1.ResolveResponse, error) {
			return &gatewayv1.ResolveResponse{Path: "/v1/ws/3", AfterMs: 2000}, nil
		})
		d := join(t, f, func(c *client.Config) { c.Resolve = true })
		pass(1900 * time.Millisecond)
		check(t, "dials before the time", 0, f.dialed())
		pass(200 * time.Millisecond)
		d.inState(client.Live)
		f.last().close(4000, "MOVED")
		pass(3 * time.Second)
		check(t, "paths", []string{"/v1/ws/3", "/v1/ws/3"}, get(f, &f.paths))
		check(t, "asked before every connect", 2, f.count("Resolve"))
	})
}

func TestResolveRefusesTheToken(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		set(f, &f.onResolve, func() (*gatewayv1.ResolveResponse, error) {
			return nil, connectrpc.NewError(connectrpc.CodeUnauthenticated, errors.New("sign in"))
		})
		d := join(t, f, func(c *client.Config) { c.Resolve = true })
		var stop *client.StopError
		if err := d.ended(); !errors.As(err, &stop) || stop.State != client.SignedOut {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestNextAddressAfterAFailure(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		var hosts []string
		d := join(t, f, func(c *client.Config) {
			c.BaseURLs = []string{"http://one.example", "http://two.example"}
			next := c.Dial
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				hosts = append(hosts, address)
				if strings.HasPrefix(address, "one") {
					return nil, errors.New("nobody there")
				}
				return next(ctx, network, address)
			}
		})
		pass(time.Second)
		d.inState(client.Live)
		check(t, "addresses", []string{"one.example:80", "two.example:80"}, hosts[:2])
	})
}

func TestSlowListenerStopsTheReaderAndLosesNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		gate := make(chan struct{})
		d := join(t, f, func(c *client.Config) {
			next := c.Events
			c.Events = func(e client.Event) {
				<-gate
				next(e)
			}
		})
		f.say("k", 3000)
		pass(2 * time.Minute)
		if left := len(f.last().out); left < 1000 {
			t.Errorf("%d messages were not read while nobody listened, want most of them", left)
		}
		close(gate)
		pass(time.Minute)
		check(t, "messages", 3000, len(d.received("k")))
		check(t, "connections", 1, f.dialed())
	})
}
