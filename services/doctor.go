// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
)

func doctorCommand(s streams) *cobra.Command {
	var prefix string
	command := &cobra.Command{
		Use:   "doctor [SERVICE...]",
		Short: "Check stores and providers",
		Long: "Check that MySQL and RabbitMQ are reachable, keep what was acknowledged, and are up to date, and that\n" +
			"Elasticsearch fits, the bucket of files is there, and a provider of speech answers, where they are named.\n" +
			"Nothing is changed; the provider reads a second of silence. PARLEY_MYSQL_DSN, PARLEY_RABBITMQ_URL,\n" +
			"PARLEY_ELASTICSEARCH_URL, PARLEY_S3_BUCKET and PARLEY_SPEECH_PROVIDER, or the bindings below\n" +
			"SERVICE_BINDING_ROOT, name the servers.",
		Example: "  PARLEY_MYSQL_DSN=mysql://root@127.0.0.1:3306/ PARLEY_RABBITMQ_URL=amqp://127.0.0.1:5672/ parley doctor",
		RunE: func(cmd *cobra.Command, args []string) error {
			environ, err := boundEnvironment(s.environ, args)
			if err != nil {
				return report(s.out, []finding{bad("bindings", "not readable", err.Error())})
			}
			findings := append(checkMySQL(cmd.Context(), environ, args, prefix), checkRabbitMQ(cmd.Context(), environ)...)
			findings = append(findings, checkElasticsearch(cmd.Context(), environ)...)
			findings = append(findings, checkObjectStore(cmd.Context(), environ)...)
			return report(s.out, append(findings, checkSpeech(cmd.Context(), environ)...))
		},
	}
	command.Flags().StringVar(&prefix, "prefix", defaultPrefix, "start of the schemas' names")
	return command
}

// boundEnvironment completes the addresses from bindings, with the eyes of the service if there is one.
func boundEnvironment(environ map[string]string, services []string) (map[string]string, error) {
	var name component.Name
	if len(services) == 1 {
		name = component.Name(services[0])
	}
	return process.Complete(environ, name)
}

// finding is the result of one check.
type finding struct {
	check string
	found string
	// next is what to do; empty if all is well.
	next string
}

func good(check, found string) finding      { return finding{check: check, found: found} }
func bad(check, found, next string) finding { return finding{check: check, found: found, next: next} }

// expect is good if ok, else bad with what to do.
func expect(ok bool, check, found, next string) finding {
	if ok {
		return good(check, found)
	}
	return bad(check, found, next)
}

// report prints a table; an error counts the problems.
func report(out io.Writer, findings []finding) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	problems := 0
	fmt.Fprintln(table, "RESULT\tCHECK\tFOUND\tWHAT TO DO")
	for _, f := range findings {
		result := "ok"
		if f.next != "" {
			result = "PROBLEM"
			problems++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", result, f.check, f.found, f.next)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if problems > 0 {
		return fmt.Errorf("%d of %d checks found a problem: the table says what to do", problems, len(findings))
	}
	return nil
}
