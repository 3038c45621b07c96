// SPDX-License-Identifier: Apache-2.0

// Command reach tries to connect to each of the addresses that it is given, all at once, and prints a line
// for each: the address, and open or closed. It runs in pods whose way out is judged.
package main

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// timeout of one attempt: a packet that a policy drops gets no answer.
const timeout = 3 * time.Second

func main() {
	verdicts := make([]string, len(os.Args)-1)
	var all sync.WaitGroup
	for i, address := range os.Args[1:] {
		all.Go(func() { verdicts[i] = verdict(address) })
	}
	all.Wait()
	for i, address := range os.Args[1:] {
		fmt.Fprintln(os.Stdout, address, verdicts[i])
	}
}

func verdict(address string) string {
	connection, err := net.DialTimeout("tcp", address, timeout) //nolint:noctx // the timeout is the only end that is needed
	if err != nil {
		return "closed"
	}
	_ = connection.Close() // it has served
	return "open"
}
