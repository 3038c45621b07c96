// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
)

// gcPercent of the tests and of the servers that they start: collecting less often costs memory that tests have.
const gcPercent = 400

// TestMain lets more tests run at once than there are processors: each of them waits for the API server half of its time,
// while the server waits for it.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set(strconv.Itoa(3 * runtime.GOMAXPROCS(0))) // a number is never refused
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		_ = os.Setenv("GOGC", strconv.Itoa(gcPercent)) // its absence costs time only
	}
	os.Exit(m.Run())
}
