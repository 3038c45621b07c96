// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
)

const (
	callTimeout = 30 * time.Second
	maxToken    = 4096 // bytes of a file or a line; far above any token
)

// saved is a login as it is kept in a file that only its owner reads.
type saved struct {
	Server string `json:"server"`
	Token  string `json:"token"`
	Device string `json:"device"` // the same at the next login, which so replaces this one
}

// connection is how a command reaches the chat.
type connection struct {
	Options

	server     string // flag
	file       string // flag
	tokenStdin bool   // flag
}

func (c *connection) flags(command *cobra.Command) {
	flags := command.PersistentFlags()
	flags.StringVar(&c.server, "server", "", "address of the chat, also PARLEY_SERVER; by default that of the login")
	flags.StringVar(&c.file, "token-file", "", "file of the login, also PARLEY_TOKEN_FILE; by default parley/login.json in the folder of settings")
	flags.BoolVar(&c.tokenStdin, "token-stdin", false, "read the token from standard input; nothing is read from the file then")
}

// clients are the generated clients with a token.
type clients struct {
	auth     userv1connect.AuthServiceClient
	users    userv1connect.UserServiceClient
	admin    userv1connect.AdminServiceClient
	messages messagev1connect.ModerationServiceClient
}

// open makes clients of the login that the flags name.
func (c *connection) open() (clients, error) {
	login, err := c.load()
	if err != nil {
		return clients{}, err
	}
	if login.Token == "" {
		return clients{}, fail(exitNotSignedIn, "nobody is signed in: parley admin login USERNAME --server ADDRESS, or --token-stdin")
	}
	return c.dial(login.Server, login.Token)
}

// load is the login from standard input or the file, with the server of flag and environment first.
func (c *connection) load() (saved, error) {
	var login saved
	if c.tokenStdin {
		line, err := firstLine(c.In)
		if err != nil {
			return saved{}, fail(exitNotSignedIn, "no token came from standard input: echo TOKEN | parley admin … --token-stdin")
		}
		login.Token = line
	} else if err := c.read(&login); err != nil {
		return saved{}, err
	}
	for _, server := range []string{c.Environ["PARLEY_SERVER"], c.server} {
		if server != "" {
			login.Server = server
		}
	}
	return login, nil
}

func (c *connection) read(login *saved) error {
	path, err := c.path()
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fail(exitFailed, "the file of the login cannot be read: choose another with --token-file: %v", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fail(exitNotSignedIn, "others can read %s: chmod 600 it, and sign in again with parley admin login if they may have", path)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the user's own file
	if err == nil {
		err = json.Unmarshal(text, login)
	}
	if err != nil {
		return fail(exitNotSignedIn, "%s holds no login: sign in again with parley admin login", path)
	}
	return nil
}

// save writes beside and moves, so that no half of a file is ever there.
func (c *connection) save(login saved) error {
	path, err := c.path()
	if err != nil {
		return err
	}
	text, err := json.Marshal(login)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	beside := path + ".new"
	if err == nil {
		err = os.WriteFile(beside, append(text, '\n'), 0o600)
	}
	if err == nil {
		err = os.Chmod(beside, 0o600) // it may have been there
	}
	if err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		return fail(exitFailed, "the login was not kept: choose another file with --token-file: %v", err)
	}
	return nil
}

func (c *connection) path() (string, error) {
	for _, path := range []string{c.file, c.Environ["PARLEY_TOKEN_FILE"]} {
		if path != "" {
			return path, nil
		}
	}
	folder := c.Environ["XDG_CONFIG_HOME"]
	if folder == "" && c.Environ["HOME"] != "" {
		folder = filepath.Join(c.Environ["HOME"], ".config")
	}
	if folder == "" {
		return "", fail(exitUsage, "there is no folder of settings: name a file with --token-file")
	}
	return filepath.Join(folder, "parley", "login.json"), nil
}

// dial checks the address, so that no token goes to a place that nobody meant.
func (c *connection) dial(server, token string) (clients, error) {
	if server == "" {
		return clients{}, fail(exitUsage, "the address of the chat is missing: --server https://chat.example.com, or PARLEY_SERVER")
	}
	parsed, err := url.Parse(server)
	if err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.User != nil {
		return clients{}, fail(exitUsage, "the address %q is none: write it like https://chat.example.com", server)
	}
	base := strings.TrimRight(parsed.Scheme+"://"+parsed.Host+parsed.Path, "/")
	client := &http.Client{Transport: c.Transport, Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	option := connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
			if token != "" {
				r.Header().Set("Authorization", "Bearer "+token)
			}
			return next(ctx, r)
		}
	}))
	return clients{
		auth:     userv1connect.NewAuthServiceClient(client, base, option),
		users:    userv1connect.NewUserServiceClient(client, base, option),
		admin:    userv1connect.NewAdminServiceClient(client, base, option),
		messages: messagev1connect.NewModerationServiceClient(client, base, option),
	}, nil
}

// firstLine reads one line that is not empty.
func firstLine(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxToken)).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line != "" {
		return line, nil
	}
	return "", errors.Join(err, io.ErrUnexpectedEOF)
}
