// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"maps"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// Labels of children.
const (
	LabelName      = "app.kubernetes.io/name"
	LabelInstance  = "app.kubernetes.io/instance"
	LabelComponent = "app.kubernetes.io/component"
	LabelVersion   = "app.kubernetes.io/version"
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelPartOf    = "app.kubernetes.io/part-of"
	// LabelSeat is on everything that belongs to one seat of the gateway.
	LabelSeat = chatv1alpha1.LabelSeat
)

// Annotations of the ChatCluster that builders read, and of the pod templates that they write.
const (
	// AnnotationBindingHash changes with the entries that a component reads.
	AnnotationBindingHash = chatv1alpha1.AnnotationBindingHash
	// AnnotationRestart asks for new pods: one value for all, or <component>=<value> separated by commas.
	AnnotationRestart = chatv1alpha1.AnnotationRestart
	// AnnotationAdoptDatabase names the UID of an older owner of the schemas.
	AnnotationAdoptDatabase = chatv1alpha1.AnnotationAdoptDatabase
)

// program is the name of the software, whatever the ChatCluster is called.
const program = "parley"

// Labels are on every child. What belongs to the whole cluster has no component. The version is only on
// what runs it: Deployments, Jobs and their pods.
func Labels(cluster string, name component.Name) map[string]string {
	labels := Selector(cluster, name)
	labels[LabelManagedBy] = ManagedBy
	labels[LabelPartOf] = program
	return labels
}

// Selector picks the pods of a component, or of the whole cluster. It never changes once a child exists.
func Selector(cluster string, name component.Name) map[string]string {
	labels := map[string]string{LabelName: program, LabelInstance: cluster}
	if name != "" {
		labels[LabelComponent] = string(name)
	}
	return labels
}

// SeatSelector picks the pods of one seat.
func SeatSelector(cluster string, seat int32) map[string]string {
	labels := Selector(cluster, component.Gateway)
	labels[LabelSeat] = strconv.FormatInt(int64(seat), 10)
	return labels
}

// workloadLabels are the labels of what runs the version.
func workloadLabels(in Input, name component.Name) map[string]string {
	labels := Labels(in.Cluster.Name, name)
	labels[LabelVersion] = labelValue(in.Version)
	return labels
}

// labelValue of a version: build metadata begins with a sign that labels do not have.
func labelValue(version string) string {
	const longest = 63
	value := strings.ReplaceAll(version, "+", "_")
	return strings.TrimRight(value[:min(len(value), longest)], "_.-")
}

// union answers a new map; later maps win.
func union(parts ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}
