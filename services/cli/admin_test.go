// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/cli"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// terminal runs command lines with one file of the login.
type terminal struct {
	t       *testing.T
	environ map[string]string
	in      string
}

func newTerminal(t *testing.T, server string) *terminal {
	t.Helper()
	return &terminal{t: t, environ: map[string]string{"PARLEY_SERVER": server, "XDG_CONFIG_HOME": t.TempDir()}}
}

// run answers what was printed, and the exit code.
func (r *terminal) run(args ...string) (out string, code int, err error) {
	r.t.Helper()
	var stdout bytes.Buffer
	command := cli.AdminCommand(cli.Options{
		Environ: r.environ, In: strings.NewReader(r.in), Out: &stdout, Errs: &stdout, Now: time.Now,
	})
	command.SilenceErrors, command.SilenceUsage = true, true
	command.SetArgs(args)
	command.SetOut(&stdout)
	err = command.ExecuteContext(r.t.Context())
	var coded interface{ ExitCode() int }
	switch {
	case errors.As(err, &coded):
		code = coded.ExitCode()
	case err != nil:
		code = 1
	}
	return stdout.String(), code, err
}

func (r *terminal) must(args ...string) string {
	r.t.Helper()
	out, _, err := r.run(args...)
	if err != nil {
		r.t.Fatalf("parley admin %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// signIn logs somebody in.
func (r *terminal) signIn(p *people.Person) string {
	r.t.Helper()
	r.in = p.Password + "\n"
	return r.must("login", p.Username)
}

func TestALifeOfModerationByCommands(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{})
	base := sys.Public(0)
	boss, ann, ben := people.Register(t, base, "boss"), people.Register(t, base, "ann"), people.Register(t, base, "ben")
	ben.Do(t, "parley.user.v1.UserService/UpdateProfile", &userv1.UpdateProfileRequest{Nickname: new("王小明")}, &userv1.UpdateProfileResponse{})
	conversation := people.Befriend(t, ann, ben)
	ann.Do(t, "parley.message.v1.MessageService/Send", people.Text(conversation, "an insult"), &messagev1.SendResponse{})
	r := newTerminal(t, base)
	if out := r.signIn(boss); !strings.Contains(out, "member") {
		t.Errorf("login prints %q", out)
	}
	info, err := os.Stat(filepath.Join(r.environ["XDG_CONFIG_HOME"], "parley", "login.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file of the login: %v, %v; want 0600", info, err)
	}
	if _, code, err := r.run("users", "find", "ann"); code != 4 {
		t.Errorf("without a role: %d, %v; want 4", code, err)
	}
	if out := r.must("claim", base+"/#/administrator/"+sys.AdministratorLink(t)); !strings.Contains(out, "owner") {
		t.Errorf("claim prints %q", out)
	}
	if out := r.must("whoami", "-o", "json"); !strings.Contains(out, `"role":"ROLE_OWNER"`) || strings.Count(out, "\n") != 1 {
		t.Errorf("whoami prints %q", out)
	}
	checkActs(t, r, ann, conversation)
	checkAudit(t, r, ann)
	if r.must("logout"); people.Call(t, base, "parley.user.v1.UserService/GetMe", []byte("{}"), people.Bearer(boss.Token)...).Status != 200 {
		t.Error("a logout of the commands ended another session")
	}
	if _, code, err := r.run("whoami"); code != 3 || !strings.Contains(err.Error(), "parley admin login") {
		t.Errorf("after the logout: %d, %v; want 3 and what to do", code, err)
	}
}

func checkActs(t *testing.T, r *terminal, ann *people.Person, conversation string) {
	t.Helper()
	for _, row := range []struct{ args, want string }{
		{"users role " + ann.Username + " moderator --reason helps", "moderator"},
		{"users role " + ann.ID + " member --reason left", "member"},
		{"users sessions end " + ann.Username + " --reason lost", "ENDED\n1\n"},
		{"users ban " + ann.Username + " --reason spam --for 72h", "suspended until 20"},
		{"users ban " + ann.Username + " --reason spam", "suspended  "},
		{"users find " + ann.Username, "suspended  "},
		{"users unban " + ann.Username + " --reason mistake", "active"},
		{"messages remove " + conversation + " 1 --reason insult", ann.ID},
	} {
		if out := r.must(strings.Fields(row.args)...); !strings.Contains(out, row.want) {
			t.Errorf("%s prints\n%swant %q", row.args, out, row.want)
		}
	}
	lines := strings.Split(r.must("users", "find", "王", "--limit", "1"), "\n")
	// Each Chinese character is two columns wide: the one after them stands two runes earlier for each.
	header, row := strings.Index(lines[0], "ROLE"), strings.Index(lines[1], "member")
	if before := []rune(lines[1][:row]); len(before)+3 != header {
		t.Errorf("the table does not line up:\n%s\n%s", lines[0], lines[1])
	}
}

func checkAudit(t *testing.T, r *terminal, ann *people.Person) {
	t.Helper()
	var got []string
	out := r.must("audit", "--target", ann.ID, "--since", "1h", "--limit", "99", "-o", "json")
	for line := range strings.Lines(out) {
		var e struct{ Action, Reason string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if e.Reason != "" {
			got = append(got, e.Action+" "+e.Reason)
		}
	}
	want := "message.removed insult|account.restored mistake|account.suspended spam|account.suspended spam|sessions.ended lost|role.set left|role.set helps"
	if strings.Join(got, "|") != want {
		t.Errorf("audit log %s, want %s", strings.Join(got, "|"), want)
	}
	if table := r.must("audit", "--limit", "3"); strings.Count(table, "\n") != 4 || !strings.HasPrefix(table, "TIME ") {
		t.Errorf("table\n%s", table)
	}
}

func TestExitCodesAndWhatToDo(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{})
	base := sys.Public(0)
	boss := people.Register(t, base, "boss")
	signedIn := newTerminal(t, base)
	signedIn.signIn(boss)
	signedIn.must("claim", sys.AdministratorLink(t))
	nobody, away := newTerminal(t, base), newTerminal(t, "http://127.0.0.1:1")
	byToken := newTerminal(t, base)
	byToken.in = boss.Token + "\n"
	if out := byToken.must("whoami", "--token-stdin"); !strings.Contains(out, boss.ID) {
		t.Errorf("with a token from standard input: %s", out)
	}
	away.in = "x\n"
	for name, row := range map[string]struct {
		at   *terminal
		args string
		code int
		want string
	}{
		"an unknown command":       {signedIn, "usres", 2, "parley admin --help|admin --help"},
		"an unknown flag":          {signedIn, "audit --colour", 2, "--help has examples"},
		"a missing argument":       {signedIn, "users ban --reason x", 2, "0 arguments were given: write .*admin users ban USER"},
		"no reason":                {signedIn, "users ban x", 2, "--reason"},
		"two ends":                 {signedIn, "users ban x --reason x --for 1h --until 2030-01-01T00:00:00Z", 2, "--for or --until"},
		"an end that is over":      {signedIn, "users ban x --reason x --until 2020-01-01T00:00:00Z", 2, "a time to come"},
		"an unknown role":          {signedIn, "users role x king --reason x", 2, "no role"},
		"an unknown output":        {signedIn, "whoami -o xml", 2, "table or json"},
		"no number":                {signedIn, "messages remove x y --reason x", 2, "no number"},
		"an id that is none":       {signedIn, "messages remove x 1 --reason x", 2, "CONTENT_INVALID"},
		"nobody signed in":         {nobody, "whoami", 3, "parley admin login"},
		"a wrong password":         {away, "login boss --server " + base, 3, "INVALID_CREDENTIALS.*: try again"},
		"an unknown account":       {signedIn, "users ban nobody.at.all --reason x", 5, "users find"},
		"an unknown id":            {signedIn, "users ban " + people.NewID() + " --reason x", 5, "NOT_FOUND"},
		"a message that is not":    {signedIn, "messages remove " + people.NewID() + " 1 --reason x", 5, "NOT_FOUND"},
		"nobody found":             {signedIn, "users find nobody.at.all", 5, "nobody was found"},
		"the last owner":           {signedIn, "users role " + boss.Username + " admin --reason x", 1, "LAST_OWNER"},
		"a chat that is away":      {away, "whoami --token-stdin", 6, "try again"},
		"an address that is none":  {away, "whoami --token-stdin --server chat", 2, "write it like https://"},
		"a link that is used up":   {signedIn, "claim parley_a1_x", 5, "LINK_INVALID.*admin create, makes another"},
		"a login without password": {nobody, "login boss", 2, "no password"},
	} {
		out, code, err := row.at.run(strings.Fields(row.args)...)
		if code != row.code || err == nil || !regexp.MustCompile(row.want).MatchString(err.Error()) {
			t.Errorf("%s: exit %d, %v; want %d and %q", name, code, err, row.code, row.want)
		}
		if out != "" {
			t.Errorf("%s: standard output %q", name, out)
		}
	}
}

func TestAFileThatOthersReadIsNotUsed(t *testing.T) {
	t.Parallel()
	r := newTerminal(t, "http://127.0.0.1:1")
	file := filepath.Join(t.TempDir(), "login.json")
	for text, mode := range map[string]os.FileMode{`{"token":"x"}`: 0o644, `no json`: 0o600} {
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if _, code, err := r.run("whoami", "--token-file", file); code != 3 || !strings.Contains(err.Error(), file) {
			t.Errorf("%q with %o: exit %d, %v", text, mode, code, err)
		}
	}
}

func TestEveryCommandHasAnExample(t *testing.T) {
	t.Parallel()
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || !strings.HasPrefix(c.Example, "  parley admin ") && !strings.HasPrefix(c.Example, "  pass ") {
			t.Errorf("%s: short %q, example %q", c.CommandPath(), c.Short, c.Example)
		}
		for _, child := range c.Commands() {
			visit(child)
		}
	}
	visit(cli.AdminCommand(cli.Options{}))
}
