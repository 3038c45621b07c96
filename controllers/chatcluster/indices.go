// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// lacking are the indices that no pod sees whole, in the order of their kinds. One that has just filled its own sees
// it first, so one is enough; of the others, whoever knows why an index was withdrawn is believed.
func lacking(p *pass) []component.IndexStatus {
	found := map[string]component.IndexStatus{}
	for _, status := range p.seen.told {
		if status.Index == nil {
			continue
		}
		seen := *status.Index
		if before, known := found[seen.Kind]; known {
			seen.Whole = seen.Whole || before.Whole
			seen.Cause = max(seen.Cause, before.Cause)
			seen.Written = max(seen.Written, before.Written)
		}
		found[seen.Kind] = seen
	}
	return slices.DeleteFunc(slices.SortedFunc(maps.Values(found), func(a, b component.IndexStatus) int {
		return strings.Compare(a.Kind, b.Kind)
	}), func(i component.IndexStatus) bool { return i.Whole })
}

// judgeIndex says of an Elasticsearch that answers whether people can search. An index that is filled for the first
// time is as it should be.
func judgeIndex(p *pass, status *chatv1alpha1.DependencyStatus) {
	if status.Name != string(component.Elasticsearch) {
		return
	}
	for _, index := range lacking(p) {
		if index.Cause != "" {
			status.Ready, status.Reason = metav1.ConditionFalse, chatv1alpha1.ReasonSearchIndexWithdrawn
			return
		}
		status.Reason = chatv1alpha1.ReasonSearchIndexFilling
	}
}

// indexMessage says what happened to the indices that lack texts, and how far they are.
func indexMessage(p *pass) string {
	var parts []string
	for _, index := range lacking(p) {
		text := "the index of " + index.Kind
		switch index.Cause {
		case component.IndexOverflow:
			text += " was withdrawn because more events waited for it than its queue in RabbitMQ holds, and"
		case component.IndexUncollected:
			text += " was withdrawn because its queue in RabbitMQ was gone and nobody collected its events, and"
		}
		parts = append(parts, fmt.Sprintf("%s is being filled from mysql, %d written so far", text, twoDigits(int(index.Written))))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + "; search is unavailable until it is whole"
}
