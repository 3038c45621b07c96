// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// probePause is between two attempts of a probe; chosen.
const probePause = time.Second

func probeCommand(s streams) *cobra.Command {
	var wait, timeout time.Duration
	command := &cobra.Command{
		Use:   "probe URL",
		Short: "Ask a URL once and expect the status 200",
		Long: "Ask a URL with GET and expect the status 200. It is for tests inside a cluster, whose image has no\n" +
			"shell. A redirect is not followed, and no proxy is used.",
		Example: "  parley probe http://127.0.0.1:9090/readyz\n  parley probe --wait 1m http://chat.example.com/",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return probe(cmd.Context(), s.out, question{address: args[0], wait: wait, timeout: timeout})
		},
	}
	command.Flags().DurationVar(&wait, "wait", 0, "how long to ask again until the answer is right")
	command.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long one answer may take")
	return command
}

// question is what a probe asks.
type question struct {
	address       string
	wait, timeout time.Duration
}

func probe(ctx context.Context, out io.Writer, q question) error {
	u, err := url.Parse(q.address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("the address to probe cannot be read: write http://host:port/path")
	}
	client := &http.Client{
		Timeout:       q.timeout,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	over := time.NewTimer(q.wait)
	defer over.Stop()
	for {
		err := ask(ctx, client, u.String())
		if err == nil {
			_, err = fmt.Fprintf(out, "%s answers 200\n", u.Redacted())
			return err
		}
		err = fmt.Errorf("%s: %w: check that it runs, and see its log", u.Redacted(), err)
		if q.wait <= 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-over.C:
			return err
		case <-time.After(probePause):
		}
	}
}

func ask(ctx context.Context, client *http.Client, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if outer, ok := errors.AsType[*url.Error](err); ok {
		return outer.Err // the address is said already
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %d", response.StatusCode)
	}
	return nil
}
