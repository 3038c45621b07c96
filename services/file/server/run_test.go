// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/server"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/secret"
)

// running is a server, and what calls it.
type running struct {
	keys map[component.Name]identity.Keys
	base string
}

func start(t *testing.T, cfg server.Config) *running { return startOn(t, cfg, nil) }

// startOn starts with a store of the test; nil: with that of the settings.
func startOn(t *testing.T, cfg server.Config, store server.Store) *running {
	t.Helper()
	r := &running{keys: identity.GenerateKeys(component.All()...)}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.base = "http://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	started, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- server.Run(ctx, cfg, server.Parts{Store: store, LinkKeys: [][]byte{bytes.Repeat([]byte("k"), 32)}, Parts: process.Parts{
			RPC: listener, Keys: r.keys[component.File], Logger: slog.New(slog.DiscardHandler), Started: func() { close(started) },
		}})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	select {
	case <-started:
	case err := <-done:
		done <- nil
		t.Fatalf("run ended: %v", err)
	}
	return r
}

func config(t *testing.T) server.Config {
	t.Helper()
	return server.Config{MySQLDSN: secret.New("sqlite:" + filepath.Join(t.TempDir(), "file.db")), Folder: t.TempDir(), MessageURL: "http://127.0.0.1:1", UserURL: "http://127.0.0.1:1"}
}

func (r *running) client(t *testing.T, as component.Name) filev1connect.FileServiceClient {
	t.Helper()
	c := rpcclient.New(rpcclient.Options{
		Self: as, Audience: component.File, BaseURL: r.base, Keys: r.keys[as], Transport: rpcclient.NewTransport(),
	})
	t.Cleanup(c.Close)
	return filev1connect.NewFileServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)
}

func caller(user ids.UserID) identity.Caller {
	return identity.Caller{UserID: user, LoginSessionID: ids.NewLoginSession(), DeviceID: ids.NewDevice()}
}

func as(t *testing.T, user ids.UserID) context.Context {
	t.Helper()
	return identity.NewContext(t.Context(), caller(user))
}

// bytes sends a request for bytes as a component, for a user or nobody.
func (r *running) bytes(t *testing.T, issuer component.Name, user ids.UserID, method, path string, content []byte) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.base+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	who := caller(user)
	if user.IsZero() {
		who = identity.Caller{}
	}
	header, err := r.keys[issuer].Sign(who, component.File, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(identity.Header, header)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, got
}

func announce(content []byte) *filev1.CreateUploadRequest {
	sum := sha256.Sum256(content)
	return &filev1.CreateUploadRequest{
		Purpose: filev1.Purpose_PURPOSE_FILE, Name: "a.txt", Size: int64(len(content)), Sha256: sum[:], IdempotencyKey: ids.NewIdempotencyKey().String(),
	}
}

func TestB2_AFileOverTheWire(t *testing.T) {
	t.Parallel()
	r := start(t, config(t))
	ann, content := ids.NewUser(), []byte("hello")
	client := r.client(t, component.Gateway)
	created, err := client.CreateUpload(as(t, ann), announce(content))
	if err != nil {
		t.Fatal(err)
	}
	if status, body := r.bytes(t, component.Gateway, ann, http.MethodPut, created.GetUrl(), content); status != http.StatusNoContent {
		t.Fatalf("bytes: %d %s", status, body)
	}
	completed, err := client.CompleteUpload(as(t, ann), &filev1.CompleteUploadRequest{FileId: created.GetFileId()})
	if err != nil {
		t.Fatal(err)
	}
	id := completed.GetFile().GetFileId()
	got, err := client.GetFile(as(t, ann), &filev1.GetFileRequest{FileId: id})
	if err != nil || got.GetFile().GetOwnerId() != ann.String() || got.GetFile().GetName() != "a.txt" {
		t.Fatalf("file %v, %v", got, err)
	}
	if status, body := r.bytes(t, component.Gateway, ann, http.MethodGet, got.GetFile().GetLink().GetUrl(), nil); status != http.StatusOK || string(body) != "hello" {
		t.Errorf("bytes: %d %q", status, body)
	}
	nobody := ids.NewFile().String()
	for user, want := range map[ids.UserID][2]int{ann: {1, 1}, ids.NewUser(): {0, 2}} {
		batch, err := client.BatchGetFiles(as(t, user), &filev1.BatchGetFilesRequest{FileIds: []string{id, nobody, id}})
		if err != nil || len(batch.GetFiles()) != want[0] || len(batch.GetMissingFileIds()) != want[1] {
			t.Errorf("batch %v, %v; want %v found and missing", batch, err, want)
		}
	}
	cite := &filev1.CiteRequest{Items: []*filev1.CiteRequest_Item{
		{UserId: ann.String(), Purpose: filev1.Purpose_PURPOSE_FILE, Citation: &filev1.Citation{
			FileId: id, Kind: filev1.HolderKind_HOLDER_KIND_MESSAGE, HolderId: ann.String(), ClientMessageId: ids.NewClientMessage().String(),
		}},
		{UserId: ann.String(), Purpose: filev1.Purpose_PURPOSE_AVATAR, Citation: &filev1.Citation{
			FileId: id, Kind: filev1.HolderKind_HOLDER_KIND_USER, HolderId: ann.String(),
		}},
	}}
	cited, err := r.client(t, component.Message).Cite(t.Context(), cite)
	if err != nil || len(cited.GetResults()) != 2 || cited.GetResults()[0].GetFile().GetFileId() != id || cited.GetResults()[1].GetFile() != nil {
		t.Errorf("cited %v, %v; want the first one", cited, err)
	}
	if _, err := r.client(t, component.Friend).Cite(t.Context(), cite); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("the friend service cites: %v", err)
	}
	if _, err := client.DeleteFile(as(t, ann), &filev1.DeleteFileRequest{FileId: id}); !errors.Is(err, file.ErrInUse) {
		t.Errorf("a shown file is deleted: %v", err)
	}
}

func TestOnlyTheGatewayMovesBytes(t *testing.T) {
	t.Parallel()
	r := start(t, config(t))
	path := file.Path + ids.NewFile().String()
	for name, row := range map[string]struct {
		issuer component.Name
		user   ids.UserID
		want   int
	}{
		"the gateway for a user":    {component.Gateway, ids.NewUser(), http.StatusNotFound},
		"the gateway for nobody":    {component.Gateway, ids.UserID{}, http.StatusUnauthorized},
		"another service for one":   {component.Message, ids.NewUser(), http.StatusForbidden},
		"another service by itself": {component.Message, ids.UserID{}, http.StatusForbidden},
	} {
		if status, _ := r.bytes(t, row.issuer, row.user, http.MethodPut, path, []byte("x")); status != row.want {
			t.Errorf("%s: %d, want %d", name, status, row.want)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, r.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("somebody without an identity: %d", response.StatusCode)
	}
}

func TestWithoutAStoreFilesAreNotAvailable(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.Folder = ""
	_, err := start(t, cfg).client(t, component.Gateway).CreateUpload(as(t, ids.NewUser()), announce([]byte("x")))
	if !errors.Is(err, file.ErrUnavailable) {
		t.Errorf("create: %v, want FILES_UNAVAILABLE", err)
	}
}

func TestTheServerStaysUpWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.MySQLDSN = secret.New("mysql://nobody@127.0.0.1:1/file")
	_, err := start(t, cfg).client(t, component.Gateway).GetFile(as(t, ids.NewUser()), &filev1.GetFileRequest{FileId: ids.NewFile().String()})
	if !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("get: %v, want UNAVAILABLE", err)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"no database": {"PARLEY_MYSQL_DSN", ""}, "an origin with a path": {"PARLEY_FILES_ORIGIN", "https://files.example.com/x"},
		"no message service": {"PARLEY_UPSTREAM_MESSAGE_URL", ""},
		"less than nothing":  {"PARLEY_FILE_MAX_BYTES", strconv.Itoa(-1)}, "a loud log": {"PARLEY_LOG_LEVEL", "loud"},
	} {
		environ := map[string]string{
			"PARLEY_MYSQL_DSN": "sqlite:/tmp/x.db", "PARLEY_UPSTREAM_MESSAGE_URL": "http://message:8081", "PARLEY_UPSTREAM_USER_URL": "http://user:8081",
		}
		if _, err := server.Load(environ); err != nil {
			t.Fatal(err)
		}
		environ[change[0]] = change[1]
		if _, err := server.Load(environ); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
