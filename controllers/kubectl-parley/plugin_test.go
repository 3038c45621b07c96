// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// moment is when the objects were recorded.
func moment() time.Time { return time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC) }

// run executes the plugin against a recorded API server and answers what it printed.
func run(t *testing.T, s *apiServer, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := (&plugin{out: &out, now: moment, every: time.Millisecond}).root()
	root.SetArgs(append([]string{"--kubeconfig", s.kubeconfig()}, args...))
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func mustRun(t *testing.T, s *apiServer, args ...string) string {
	t.Helper()
	out, err := run(t, s, args...)
	if err != nil {
		t.Fatalf("kubectl parley %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	golden(t, filepath.Join("testdata", name+".golden"), got)
}

func TestStatusOfRecordedMoments(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		moment string
		// says are what a person must find on the page, beside what stands in the golden file.
		says []string
	}{
		{"ready", []string{"Next: nothing to do", "51000 on 2 seats"}},
		{"installing", []string{"Next, because of Installing", "friend: 0 of 1 pods ready"}},
		{"badimage", []string{`patch chat demo --type=merge -p '{"spec":{"version":"0.1.0"}}'`, "demo-user-6d9f7c-x2x4z cannot get its image", "old pods serve"}},
		{"crashloop", []string{`-p '{"spec":{"version":"0.1.0"}}'`, "demo-message-84cd5-7k2lq", "old pods serve", "logs --previous"}},
		{"nosecret", []string{`create the Secret "demo-mysql"`, "create secret generic demo-mysql"}},
		{"nokey", []string{`add the key "password" to the Secret "demo-rabbitmq"`, "edit secret demo-rabbitmq"}},
		{"mysqldown", []string{"Next, because of MySQLUnreachable", "demo-mysql", "kubectl parley -n chat doctor demo", "DatabaseDown"}},
		{"nobucket", []string{"Next, because of ObjectStoreUnfit", "spec.dependencies.objectStore.bucket", "kubectl parley -n chat doctor demo", "files are unavailable"}},
		{"withdrawn", []string{"Next, because of SearchIndexWithdrawn", "1200000 written so far", "kubectl parley -n chat doctor demo", "sends go on"}},
		{"draining", []string{"demo-gateway-1-7c9f4-x2x4z  4200", "in 3m30s", "kubectl parley -n chat sessions demo"}},
		{"rebuilding", []string{"rebuild running, begun 40m ago, 1200000 of 5000000 messages (24 %)", "Next, because of Rebuilding", "logs -f job/demo-reindex-243d09a5"}},
		{"rebuildfailed", []string{"Next, because of RebuildFailed", "refuses username and password", "kubectl parley -n chat reindex demo --wait"}},
		{"migrationfailed", []string{"logs job/demo-migrate-expand-9f2c1a7b", "chat.parley.dev/retry=$(date +%s)"}},
		{"unobserved", []string{"0.1.0 serves, 0.2.0 is wanted", "Next, because of Unobserved", "app.kubernetes.io/name=parley-operator"}},
	} {
		t.Run(row.moment, func(t *testing.T) {
			t.Parallel()
			got := mustRun(t, newAPIServer(t, row.moment+".yaml"), "status", "demo")
			for _, words := range row.says {
				if !strings.Contains(got, words) {
					t.Errorf("the page does not say %q:\n%s", words, got)
				}
			}
			wantGolden(t, "status-"+row.moment, got)
		})
	}
}

// TestTablesLineUp: every column of a table begins in the same place.
func TestTablesLineUp(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/status-*.golden")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden pages", err)
	}
	for _, file := range files {
		checkColumns(t, file, read(t, file))
	}
}

// checkColumns looks at each table: a line of capitals and what follows up to an empty line.
func checkColumns(t *testing.T, file, text string) {
	t.Helper()
	for block := range strings.SplitSeq(text, "\n\n") {
		lines := strings.Split(strings.TrimRight(block, "\n"), "\n")
		if lines[0] != strings.ToUpper(lines[0]) {
			continue
		}
		for _, at := range columns(lines[0]) {
			for _, line := range lines[1:] {
				if len(line) > at && (line[at] == ' ' || line[at-1] != ' ') && strings.TrimSpace(line[at:]) != "" {
					t.Errorf("%s: a column does not begin at %d:\n%s\n%s", file, at, lines[0], line)
				}
			}
		}
	}
}

func columns(header string) []int {
	var starts []int
	for i := 2; i < len(header); i++ {
		if header[i] != ' ' && header[i-1] == ' ' && header[i-2] == ' ' {
			starts = append(starts, i)
		}
	}
	return starts
}

func TestStatusAsData(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "badimage.yaml")
	for output, decode := range map[string]func([]byte, any) error{
		"json": json.Unmarshal,
		"yaml": func(text []byte, into any) error { return yaml.UnmarshalStrict(text, into) },
	} {
		var status chatv1alpha1.ChatClusterStatus
		text := mustRun(t, s, "status", "demo", "-o", output)
		if err := decode([]byte(text), &status); err != nil {
			t.Fatalf("%s: %v\n%s", output, err, text)
		}
		if status.Upgrade == nil || status.Upgrade.Failed.Reason != chatv1alpha1.ReasonImagePullFailed || len(status.Conditions) != 7 {
			t.Errorf("%s: got %+v", output, status)
		}
	}
}

func TestTheOnlyChatClusterNeedsNoName(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "ready.yaml")
	if named, unnamed := mustRun(t, s, "status", "demo"), mustRun(t, s, "status"); named != unnamed {
		t.Errorf("with a name:\n%s\nwithout:\n%s", named, unnamed)
	}
	if got := mustRun(t, s, "status", "chat/demo"); !strings.Contains(got, "chat/demo") {
		t.Errorf("chat/demo: got %s", got)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "ready.yaml", "pods.yaml")
	s.status["demo-gateway-0-5f4b7-aaaaa"] = []component.Status{told(0, 31210, nil)}
	s.status["demo-gateway-1-7c9f4-x2x4z"] = []component.Status{told(1, 420, &component.DrainStatus{Remaining: 420, Overdue: true})}
	table := mustRun(t, s, "sessions", "demo")
	wantGolden(t, "sessions", table)
	checkColumns(t, "sessions", table)
	var rows []podSessions
	if err := json.Unmarshal([]byte(mustRun(t, s, "sessions", "demo", "-o", "json")), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[0].Status.Sessions != 31210 || !rows[1].Status.Drain.Overdue || rows[2].Status != nil {
		t.Errorf("got %+v", rows)
	}
	wantGolden(t, "sessions-yaml", mustRun(t, s, "sessions", "demo", "-o", "yaml"))
}

func told(seat uint32, sessions int, drain *component.DrainStatus) component.Status {
	return component.Status{
		Component: component.Gateway, Version: "0.2.0", Ready: drain == nil,
		Gateway: &component.GatewayStatus{Seat: seat, Sessions: sessions, Guests: sessions / 10, RingMembers: 3, Drain: drain},
	}
}

func TestDrainFollowsUntilThePodIsGone(t *testing.T) {
	t.Parallel()
	const pod = "demo-gateway-1-7c9f4-x2x4z"
	s := newAPIServer(t, "pods.yaml")
	s.budget = 1
	s.status[pod] = []component.Status{told(1, 420, nil), told(1, 420, nil), told(1, 90, nil), told(1, 0, nil)}
	wantGolden(t, "drain", mustRun(t, s, "drain", pod))
	if !slices.Contains(s.requests, "POST /api/v1/namespaces/chat/pods/"+pod+"/eviction") {
		t.Errorf("no eviction among %v", s.requests)
	}
	if slices.ContainsFunc(s.requests, func(r string) bool { return strings.HasPrefix(r, "DELETE") }) {
		t.Errorf("a pod was deleted, which no budget stops: %v", s.requests)
	}
}

// TestDrainAsksOnce: who waits for a budget must be told at once, not after the client's own repeats.
func TestDrainAsksOnce(t *testing.T) {
	t.Parallel()
	const pod = "demo-gateway-1-7c9f4-x2x4z"
	s := newAPIServer(t, "pods.yaml")
	if _, err := run(t, s, "drain", pod); err == nil {
		t.Error("a drain against the budget succeeded")
	}
	asked := slices.DeleteFunc(s.requests, func(r string) bool { return !strings.HasPrefix(r, "POST ") })
	if len(asked) != 1 {
		t.Errorf("asked %d times: %v", len(asked), asked)
	}
}

func TestRestartKeepsWhatWasWishedForOthers(t *testing.T) {
	t.Parallel()
	const now = "2026-11-25T10:00:00Z"
	for _, row := range []struct{ name, before, args, want string }{
		{"all", "", "", now},
		{"all once more", "message=x", "", now},
		{"one", "", "message", "message=" + now},
		{"one after another", "gateway=x", "message", "message=" + now + ",gateway=x"},
		{"one after all", "x", "message", "user=x,friend=x,file=x,message=" + now + ",transmit=x,speech=x,gateway=x"},
		{"the same again", "message=x,gateway=y", "message", "message=" + now + ",gateway=y"},
		{"two", "", "transmit user", "user=" + now + ",transmit=" + now},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newAPIServer(t, "ready.yaml")
			const path = "/apis/chat.parley.dev/v1alpha1/namespaces/chat/chatclusters/demo"
			if row.before != "" {
				s.objects[path].SetAnnotations(map[string]string{chatv1alpha1.AnnotationRestart: row.before})
			}
			out := mustRun(t, s, append([]string{"restart", "demo"}, strings.Fields(row.args)...)...)
			if !strings.Contains(out, "kubectl parley -n chat status demo") {
				t.Errorf("it does not say how to follow: %s", out)
			}
			if got := s.objects[path].GetAnnotations()[chatv1alpha1.AnnotationRestart]; got != row.want {
				t.Errorf("annotation %q, want %q", got, row.want)
			}
		})
	}
}

func TestRestartTriesAgainWhenTheOperatorWroteMeanwhile(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "ready.yaml")
	s.conflicts = 2
	mustRun(t, s, "restart", "demo")
}

func TestDoctorRunsTheChecksAsAJob(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "ready.yaml", "deployments.yaml")
	s.logs["doctor"] = "CHECK  FOUND\nmysql  reachable\n"
	if got := mustRun(t, s, "doctor", "demo"); got != s.logs["doctor"] {
		t.Errorf("got %q", got)
	}
	text, err := yaml.Marshal(s.created[0].Object)
	if err != nil {
		t.Fatal(err)
	}
	wantGolden(t, "doctor-job", string(text))
	if last := s.requests[len(s.requests)-1]; !strings.HasPrefix(last, "DELETE /apis/batch/v1/namespaces/chat/jobs/demo-doctor-") {
		t.Errorf("the Job stays: the last request is %s", last)
	}
}

// The image of speech has programs beside ours, which the check of its provider needs; one that no pod could start is not
// waited for.
func TestDoctorRunsTheImageOfSpeech(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]string{
		"speechdeployment.yaml": {"image: parley-chat/parley-speech:0.2.0", "value: PocketSphinx", "value: parley_message"},
		"speechnoimage.yaml":    {"image: parley-chat/parley:0.2.0", "value: parley_message"},
	} {
		s := newAPIServer(t, "ready.yaml", "deployments.yaml", file)
		mustRun(t, s, "doctor", "demo")
		text, err := yaml.Marshal(s.created[0].Object)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range want {
			if !strings.Contains(string(text), words) {
				t.Errorf("%s: no %s in the Job:\n%s", file, words, text)
			}
		}
	}
}

func TestDoctorFailsWhenACheckFoundAProblem(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "mysqldown.yaml", "deployments.yaml")
	s.jobEnds, s.logs["doctor"] = "Failed", "mysql  unreachable  see that it runs\n"
	out, err := run(t, s, "doctor", "demo")
	if err == nil || !strings.Contains(err.Error(), "some checks found a problem") || out != s.logs["doctor"] {
		t.Errorf("got %q, %v", out, err)
	}
}

// TestRefusals: each says what to do instead.
func TestRefusals(t *testing.T) {
	t.Parallel()
	files := []string{"ready.yaml", "pods.yaml"}
	for _, row := range []struct {
		name  string
		setup func(*apiServer)
		files []string
		args  string
		want  string
	}{
		{"unknown command", nil, files, "stauts", `there is no command "stauts", did you mean status?: kubectl parley --help lists all`},
		{"unknown command of a group", nil, files, "admin make", `there is no command "make": kubectl parley admin --help lists all`},
		{"unknown flag", nil, files, "status --bogus", "unknown flag: --bogus: kubectl parley status --help lists all flags"},
		{"too many names", nil, files, "status demo other", "accepts at most 1 arg(s), received 2: kubectl parley status --help has examples"},
		{"unknown output", nil, files, "status demo -o xml", "use json or yaml"},
		{"unknown output of sessions", nil, files, "sessions demo -o wide", "use json or yaml"},
		{"missing ChatCluster", nil, files, "status demmo", "namespace chat has no ChatCluster demmo: kubectl get chat -A lists them"},
		{"no ChatCluster at all", nil, nil, "status", "namespace chat has no ChatCluster: name another with -n"},
		{"several", nil, []string{"ready.yaml", "second.yaml"}, "status", "name one of demo, other"},
		{"another namespace", nil, files, "status demo -n prod", "namespace prod has no ChatCluster demo"},
		{"forbidden to read", forbid("chatclusters/demo"), files, "status demo", "you may not read ChatClusters: ask for the right"},
		{"forbidden to list", forbid("chatclusters"), files, "status", "you may not read ChatClusters"},
		{"forbidden to list pods", forbid("pods"), files, "sessions demo", "you may not list pods"},
		{"forbidden to evict", forbid("eviction"), files, "drain demo-gateway-1-7c9f4-x2x4z", "you may not evict pods"},
		{"forbidden to annotate", func(s *apiServer) { s.readOnly = true }, files, "restart demo", "you may not annotate ChatClusters"},
		{"forbidden to make Jobs", forbid("jobs"), append(files, "deployments.yaml"), "doctor demo", "you may not make Jobs"},
		{"kind is not installed", func(s *apiServer) { s.without = []string{"chat.parley.dev"} }, nil, "status demo", "install the chart parley-crds"},
		{"unknown context", nil, files, "status demo --context nowhere", `context "nowhere" does not exist`},
		{"drain without pod", nil, files, "drain", "accepts 1 arg(s), received 0"},
		{"drain of a missing pod", nil, files, "drain demo-gateway-9", "kubectl parley sessions lists those of the gateway"},
		{"drain of another component", nil, files, "drain demo-message-84cd5-7k2lq", "is no gateway of a ChatCluster"},
		{"drain against the budget", nil, files, "drain demo-gateway-1-7c9f4-x2x4z", "until another gateway is ready again"},
		{"restart of an unknown component", nil, files, "restart demo mesage", `no component "mesage": choose from user, friend, file, message, transmit, speech, gateway`},
		{"reindex without an index", nil, files, "reindex demo", "name an Elasticsearch in spec.dependencies.elasticsearch first"},
		{"reindex of an index that is not bound", nil, []string{"nosearch.yaml"}, "reindex demo", "does not serve (SecretMissing): kubectl parley -n chat status demo says what to do"},
		{"reindex while one is under way", nil, []string{"rebuilding.yaml"}, "reindex demo", "a rebuild is under way (Running): kubectl parley -n chat status demo shows it"},
		{"reindex before the operator has seen the last wish", asked("2026-11-25T09:59:59Z"), []string{"rebuildfailed.yaml"}, "reindex demo", "asked for at 2026-11-25T09:59:59Z"},
		{"forbidden to ask for a rebuild", func(s *apiServer) { s.readOnly = true }, []string{"rebuildfailed.yaml"}, "reindex demo", "you may not annotate ChatClusters"},
		{"restart without name", nil, files, "restart", "requires at least 1 arg(s)"},
		{"doctor before the install", nil, files, "doctor demo", "not installed yet: kubectl parley -n chat status demo"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newAPIServer(t, row.files...)
			if row.setup != nil {
				row.setup(s)
			}
			out, err := run(t, s, strings.Fields(row.args)...)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q\n%s", err, row.want, out)
			}
		})
	}
}

// asked gives the ChatCluster a wish for a rebuild.
func asked(request string) func(*apiServer) {
	return func(s *apiServer) {
		for _, object := range s.objects {
			object.SetAnnotations(map[string]string{chatv1alpha1.AnnotationReindex: request})
		}
	}
}

func forbid(suffix string) func(*apiServer) {
	return func(s *apiServer) { s.forbidden = []string{"/" + suffix} }
}

func TestAnAPIServerThatIsAwayIsNamed(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t)
	s.Close()
	_, err := run(t, s, "status", "demo")
	if err == nil || !strings.Contains(err.Error(), "the API server does not answer: see --kubeconfig and --context") {
		t.Errorf("got %v", err)
	}
}

// TestHelpHasExamples: every command says what it does, with an example that begins like the program.
func TestHelpHasExamples(t *testing.T) {
	t.Parallel()
	root := newRoot(&bytes.Buffer{}, moment)
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || !strings.HasPrefix(c.Example, "  kubectl parley ") {
			t.Errorf("%s: short %q, example %q", c.CommandPath(), c.Short, c.Example)
		}
		for _, child := range c.Commands() {
			visit(child)
		}
	}
	visit(root)
	s := newAPIServer(t)
	for _, command := range []string{"", "status", "sessions", "drain", "restart", "reindex", "doctor", "admin", "admin create", "report"} {
		name := strings.TrimSuffix("help-"+strings.ReplaceAll(command, " ", "-"), "-")
		wantGolden(t, name, mustRun(t, s, append(strings.Fields(command), "--help")...))
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if got := mustRun(t, newAPIServer(t), "version"); got != "kubectl-parley dev\n" {
		t.Errorf("got %q", got)
	}
}

func TestCompletionOffersWhatIsThere(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "ready.yaml", "second.yaml", "pods.yaml")
	for _, row := range []struct{ args, want string }{
		{"status", "demo other"},
		{"doctor", "demo other"},
		{"reindex", "demo other"},
		{"drain", "demo-gateway-0-5f4b7-aaaaa demo-gateway-1-7c9f4-x2x4z demo-gateway-2-66c9d-ccccc"},
		{"restart", "demo other"},
		{"restart demo message", "user friend file transmit speech gateway"},
	} {
		out := mustRun(t, s, append(append([]string{"__complete"}, strings.Fields(row.args)...), "")...)
		offered, _, _ := strings.Cut(out, "\n:")
		if got := strings.Join(strings.Fields(offered), " "); got != row.want {
			t.Errorf("%s: got %q, want %q", row.args, got, row.want)
		}
	}
	if script := mustRun(t, s, "completion", "bash"); !strings.Contains(script, "__complete") {
		t.Errorf("no script for bash: %.200s", script)
	}
}
