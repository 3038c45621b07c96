// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/protobuf/proto"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
)

func (a *admin) loginCommand() *cobra.Command {
	return &cobra.Command{
		Use: "login USERNAME", Short: "Sign in, and keep the token in a file that only you read", Args: exactly(1),
		Long: "Ask for the password and keep the token of a new login session, which shows in the list of devices as\n" +
			"\"parley admin\". Where standard input is no terminal, its first line is the password.",
		Example: "  parley admin login li.wei --server https://chat.example.com\n" +
			"  pass show chat | parley admin login li.wei --server https://chat.example.com",
		RunE: a.login,
	}
}

func (a *admin) login(cmd *cobra.Command, args []string) error {
	if a.tokenStdin {
		return usage(cmd, "standard input is the password here, not a token")
	}
	login, err := a.load()
	if err != nil && errors.As(err, new(failure)) {
		login = saved{Server: a.server} // what is kept is no use; the new login takes its place
	}
	c, err := a.dial(login.Server, "")
	if err != nil {
		return err
	}
	password, err := a.askPassword(args[0])
	if err != nil {
		return err
	}
	if login.Device == "" {
		login.Device = uuid.Must(uuid.NewV7()).String()
	}
	answer, err := c.auth.Login(cmd.Context(), &userv1.LoginRequest{
		Username: args[0], Password: password, Device: &userv1.Device{DeviceId: login.Device, Name: "parley admin"},
	})
	if err != nil {
		return explain(err)
	}
	login.Token = answer.GetToken()
	if err := a.save(login); err != nil {
		return err
	}
	return a.printMe(answer.GetUser())
}

// askPassword shows nothing of what is typed.
func (a *admin) askPassword(username string) (string, error) {
	file, ok := a.In.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		password, err := firstLine(a.In)
		if err != nil {
			return "", fail(exitUsage, "no password came from standard input")
		}
		return password, nil
	}
	_, _ = fmt.Fprintf(a.Errs, "Password of %s: ", shown(username)) // what is typed is read all the same
	text, err := term.ReadPassword(int(file.Fd()))
	_, _ = fmt.Fprintln(a.Errs)
	if err != nil {
		return "", fail(exitFailed, "the password cannot be read: %v", err)
	}
	return string(text), nil
}

func (a *admin) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End the login session, and forget its token", Args: exactly(0), Example: "  parley admin logout",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.open()
			if err != nil {
				return err
			}
			_, err = c.auth.Logout(cmd.Context(), &userv1.LogoutRequest{})
			if err := explain(err); err != nil && !errors.Is(err, failure{exitNotSignedIn, err.Error()}) {
				return err
			}
			return a.forget()
		},
	}
}

func (a *admin) forget() error {
	if a.tokenStdin {
		return nil
	}
	path, err := a.path()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(exitFailed, "the login has ended, and %s is still there: remove it: %v", path, err)
	}
	return nil
}

func (a *admin) printMe(me *userv1.Me) error {
	u := me.GetUser()
	return a.print(a.Out, []proto.Message{me}, table{
		header: []string{"USERNAME", "NICKNAME", "ROLE", "ID"},
		rows:   [][]string{{u.GetUsername(), u.GetNickname(), roleName(me.GetRole()), u.GetUserId()}},
	})
}
