// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"strconv"
	"strings"

	"github.com/parley-chat/parley/api/component"
)

// ChildName joins the name of a ChatCluster and the parts of a child's own name.
func ChildName(cluster string, parts ...string) string {
	return strings.Join(append([]string{cluster}, parts...), "-")
}

// DeploymentName is also the name of the component's Service, budget, autoscaler and NetworkPolicy. The
// gateway has one Deployment per seat instead: see SeatName.
func DeploymentName(cluster string, name component.Name) string {
	return ChildName(cluster, string(name))
}

// SeatName is the name of the Deployment, and with seat routes of the Service, of one gateway seat.
func SeatName(cluster string, seat int32) string {
	return ChildName(cluster, string(component.Gateway), strconv.FormatInt(int64(seat), 10))
}

// RingServiceName is the headless Service whose EndpointSlices are the ring.
func RingServiceName(cluster string) string {
	return ChildName(cluster, string(component.Gateway), "ring")
}

// RingName is the Role, and its binding, that lets pods read EndpointSlices.
func RingName(cluster string) string { return ChildName(cluster, "ring") }

// KeysName is the Secret with the cluster's own keys, unless the user names another.
func KeysName(cluster string) string { return ChildName(cluster, "keys") }

// MoreKeysName is a Secret with keys that an older one lacks; the first has the number 2.
func MoreKeysName(cluster string, number int) string {
	return ChildName(cluster, "keys", strconv.Itoa(number))
}

// AccountName is the ServiceAccount of a component, or of a Job.
func AccountName(cluster string, name component.Name) string {
	return ChildName(cluster, string(name))
}

// JobName is the Job that expands the schemas; hash comes from MigrationHash.
func JobName(cluster, hash string) string {
	return ChildName(cluster, string(component.Migrate), "expand", hash)
}

// ReindexJobName is the Job that fills the search index anew; hash comes from ReindexHash.
func ReindexJobName(cluster, hash string) string {
	return ChildName(cluster, string(component.Reindex), hash)
}
