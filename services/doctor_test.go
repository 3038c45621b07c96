// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

// waitReady polls a probe until it answers 200 or the service ends.
func waitReady(t *testing.T, url string, done <-chan error, log *lockedBuffer) {
	t.Helper()
	deadline := time.After(limit)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if response, err := http.Get(url); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-done:
			t.Fatalf("it ended: %v\n%s", err, log.String())
		case <-deadline:
			t.Fatalf("it is not ready\n%s", log.String())
		case <-ticker.C:
		}
	}
}

func TestTheTableLinesUp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := report(&out, []finding{good("MySQL version", "8.4.0"), bad("sync_binlog", "0", "set it to 1")})
	want := "" +
		"RESULT   CHECK          FOUND  WHAT TO DO\n" +
		"ok       MySQL version  8.4.0  \n" +
		"PROBLEM  sync_binlog    0      set it to 1\n"
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
	if err == nil || err.Error() != "1 of 2 checks found a problem: the table says what to do" {
		t.Errorf("got %v", err)
	}
	if err := report(&out, []finding{good("a", "b")}); err != nil {
		t.Errorf("all is well, but %v", err)
	}
}

func TestSettingsOfMySQL(t *testing.T) {
	t.Parallel()
	right := variables{Version: "8.4.3", FlushLog: 1, SyncBinlog: 1, LogBin: 1, Format: "ROW", Isolation: "READ-COMMITTED"}
	for name, row := range map[string]struct {
		change func(*variables)
		want   string // the check that finds a problem
	}{
		"all is right":                      {func(*variables) {}, ""},
		"an old MySQL":                      {func(v *variables) { v.Version = "5.7.44" }, "MySQL version"},
		"an old MariaDB":                    {func(v *variables) { v.Version = "10.5.1-MariaDB" }, "MySQL version"},
		"a MariaDB that is new enough":      {func(v *variables) { v.Version = "10.11.6-MariaDB-log" }, ""},
		"a version that is none":            {func(v *variables) { v.Version = "new" }, "MySQL version"},
		"commits that are flushed later":    {func(v *variables) { v.FlushLog = 2 }, "innodb_flush_log_at_trx_commit"},
		"a log that is synced later":        {func(v *variables) { v.SyncBinlog = 1000 }, "sync_binlog"},
		"no log at all":                     {func(v *variables) { v.SyncBinlog, v.LogBin = 0, 0 }, ""},
		"a log of statements":               {func(v *variables) { v.Format = "STATEMENT" }, "binlog_format"},
		"a proxy that changes the sessions": {func(v *variables) { v.Isolation = "REPEATABLE-READ" }, "isolation of our connections"},
	} {
		v := right
		row.change(&v)
		var problems []string
		for _, f := range v.findings() {
			if f.next != "" {
				problems = append(problems, f.check)
			}
		}
		if got := strings.Join(problems, ","); got != row.want {
			t.Errorf("%s: problems %q, want %q", name, got, row.want)
		}
	}
}

func TestVersionsOfRabbitMQ(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"3.10.8": true, "3.13.7": true, "4.0.1": true, "4.3.5": true, "3.9.29": false, "2.8.1": false, "": false, "four": false,
	} {
		if got := isSupportedBroker(version); got != want {
			t.Errorf("%q: got %t", version, got)
		}
	}
}

func TestRefusalsOfRabbitMQ(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"a wrong password": {amqp.ErrCredentials, "correct user and password"},
		"a wrong vhost":    {amqp.ErrVhost, "create it, or give the user rights on it"},
		"nobody there":     {errors.New("connection refused"), "check that RabbitMQ runs"},
	} {
		if got := explainAMQP(row.err); !strings.Contains(got, row.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestADoctorWithoutServers(t *testing.T) {
	t.Parallel()
	out, err := parley(t, map[string]string{
		"PARLEY_MYSQL_DSN": "mysql://root:hunter2@127.0.0.1:1/", "PARLEY_RABBITMQ_URL": "amqp://guest:hunter2@127.0.0.1:1/",
	}, "doctor")
	if err == nil || err.Error() != "2 of 2 checks found a problem: the table says what to do" {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"check that it runs and that PARLEY_MYSQL_DSN names", "check that RabbitMQ runs and that PARLEY_RABBITMQ_URL names"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "hunter2") || strings.Count(out, "\n") != 3 {
		t.Errorf("got\n%s", out)
	}
	out, err = parley(t, map[string]string{"PARLEY_MYSQL_DSN": "nonsense", "PARLEY_RABBITMQ_URL": "nonsense"}, "doctor")
	if err == nil || strings.Count(out, "cannot be read") != 2 {
		t.Errorf("got %v\n%s", err, out)
	}
}

func TestADoctorOfAFile(t *testing.T) {
	t.Parallel()
	environ := map[string]string{"PARLEY_MYSQL_DSN": sqldbtest.SQLiteDSN(t)}
	out, err := parley(t, environ, "doctor", "user")
	if err == nil || !strings.Contains(out, "run parley migrate user") {
		t.Errorf("an empty file: %v\n%s", err, out)
	}
	if _, err := parley(t, environ, "migrate", "user"); err != nil {
		t.Fatal(err)
	}
	out, _ = parley(t, environ, "doctor", "user")
	if !strings.Contains(out, "ok       schema of user  sqlite at ") {
		t.Errorf("a migrated file:\n%s", out)
	}
}

// realServer is the address of a server of the environment; without it the test is skipped, or fails
// where servers are required.
func realServer(t *testing.T, variable, name string) string {
	t.Helper()
	if address := os.Getenv(variable); address != "" {
		return address
	}
	text := "needs " + name + " in " + variable + ": run `make test`"
	if os.Getenv(sqldbtest.RequireVariable) == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}

func TestMigrateAndDoctorOnRealServers(t *testing.T) {
	t.Parallel()
	dsn := realServer(t, sqldbtest.DSNVariable, "MySQL or MariaDB")
	address := realServer(t, "PARLEY_TEST_AMQP_URL", "RabbitMQ")
	prefix := "doctor_" + strings.ToLower(strings.ReplaceAll(time.Now().Format("150405.000"), ".", "_"))
	environ := map[string]string{"PARLEY_MYSQL_DSN": strings.TrimSuffix(dsn, "/") + "/", "PARLEY_RABBITMQ_URL": address}
	admin := sqldbtest.Open(t, environ["PARLEY_MYSQL_DSN"], nil)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
		defer cancel()
		for _, d := range databases() {
			if _, err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+prefix+"_"+string(d.name)); err != nil {
				t.Log(err)
			}
		}
	})

	_, err := parley(t, environ, "migrate", "--prefix", prefix)
	if err == nil || !strings.Contains(err.Error(), "does not exist: create it, or add --create") {
		t.Fatalf("without schemas: %v", err)
	}
	out, err := parley(t, environ, "migrate", "--prefix", prefix, "--create")
	if err != nil || strings.Count(out, ", was 0\n") != len(component.Owners()) {
		t.Fatalf("the first time: %v\n%s", err, out)
	}
	out, err = parley(t, environ, "migrate", "--prefix", prefix)
	if err != nil || strings.Count(out, ", nothing to do\n") != len(component.Owners()) {
		t.Fatalf("the second time: %v\n%s", err, out)
	}
	out, err = parley(t, environ, "doctor", "--prefix", prefix)
	if err != nil || strings.Contains(out, "PROBLEM") || strings.Count(out, "\nok ") < 12 {
		t.Fatalf("doctor: %v\n%s", err, out)
	}
	if _, err := admin.Exec(t.Context(), "DELETE FROM "+prefix+"_user.goose_db_version WHERE version_id > 1"); err != nil {
		t.Fatal(err)
	}
	out, err = parley(t, environ, "doctor", "user", "--prefix", prefix)
	if err == nil || !strings.Contains(out, "run parley migrate user: this program needs ") {
		t.Fatalf("an older schema: %v\n%s", err, out)
	}
}

func TestADoctorWithAWrongPassword(t *testing.T) {
	t.Parallel()
	address := realServer(t, "PARLEY_TEST_AMQP_URL", "RabbitMQ")
	uri, err := amqp.ParseURI(address)
	if err != nil {
		t.Fatal(err)
	}
	uri.Password = "hunter2"
	out, err := parley(t, map[string]string{"PARLEY_RABBITMQ_URL": uri.String()}, "doctor")
	if err == nil || !strings.Contains(out, "correct user and password") || strings.Contains(out, "hunter2") {
		t.Fatalf("got %v\n%s", err, out)
	}
}
