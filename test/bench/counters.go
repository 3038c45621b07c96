// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	_ "github.com/go-sql-driver/mysql" // asks the server for its counters

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/test/integration/servers"
)

// counters of the servers since their start.
type counters struct {
	statements int64 // MySQL statements, BEGIN and COMMIT counted
	commits    int64
	published  int64 // AMQP messages that the broker took
	delivered  int64 // AMQP messages that it handed to consumers
}

func (c counters) since(before counters) counters {
	return counters{
		c.statements - before.statements, c.commits - before.commits, c.published - before.published, c.delivered - before.delivered,
	}
}

// probe reads counters without disturbing what it measures by more than a statement or two.
type probe struct {
	db     *sql.DB
	rabbit *servers.RabbitMQ
	dir    string
}

func newProbe(mysql string, rabbit *servers.RabbitMQ, dir string) (*probe, error) {
	login, address, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(mysql, "mysql://"), "/"), "@")
	db, err := sql.Open("mysql", fmt.Sprintf("%s@tcp(%s)/", login, address))
	return &probe{db: db, rabbit: rabbit, dir: dir}, err
}

func (p *probe) close() error { return p.db.Close() }

func (p *probe) read(ctx context.Context) (counters, error) {
	var c counters
	status, err := p.mysqlStatus(ctx)
	if err != nil {
		return c, err
	}
	c.statements, c.commits = status["Questions"], status["Handler_commit"]
	c.published, c.delivered, err = p.amqp(ctx)
	return c, err
}

func (p *probe) mysqlStatus(ctx context.Context) (status map[string]int64, err error) {
	rows, err := p.db.QueryContext(ctx, "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Handler_commit')")
	if err != nil {
		return nil, fmt.Errorf("read MySQL's counters: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	status = map[string]int64{}
	for rows.Next() {
		var name string
		var value int64
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		status[name] = value
	}
	return status, rows.Err()
}

// amqpCounter matches a counter in the Erlang term that RabbitMQ writes.
var amqpCounter = regexp.MustCompile(`(messages_\w+_total)\s*=>\s*(\d+)`)

// amqp asks the node for its global counters. The term goes through a file, since that needs no parser of
// the tool's output.
func (p *probe) amqp(ctx context.Context) (published, delivered int64, err error) {
	path := filepath.Join(p.dir, "amqp-counters.txt")
	expression := fmt.Sprintf(`file:write_file("%s", io_lib:format("~p", [rabbit_global_counters:overview()])).`, path)
	if err := p.rabbit.Ctl(ctx, "eval", expression); err != nil {
		return 0, 0, fmt.Errorf("read RabbitMQ's counters: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	for _, m := range amqpCounter.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			return 0, 0, err
		}
		switch m[1] {
		case "messages_received_total":
			published += n
		case "messages_delivered_total":
			delivered += n
		}
	}
	return published, delivered, nil
}

// metrics reads the metrics of a component that its ops port offers, labels summed up.
func metrics(ctx context.Context, ops string) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, ops+component.MetricsPath, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return parseMetrics(response.Body)
}

func parseMetrics(in io.Reader) (map[string]float64, error) {
	sums := map[string]float64{}
	scanner := bufio.NewScanner(in)
	for scanner.Scan() {
		line := scanner.Text()
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", line, err)
		}
		name, _, _ := strings.Cut(line[:at], "{")
		sums[name] += value
	}
	return sums, scanner.Err()
}
