// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// object is a YAML mapping that keeps the order in which keys are set.
type object struct{ node yaml.Node }

func newObject() *object { return &object{yaml.Node{Kind: yaml.MappingNode}} }

// set adds a key. Values are *object, []*object, []string, or what YAML knows as a scalar; an empty
// text, list or object is left out.
func (o *object) set(key string, value any) *object {
	node := toNode(value)
	if node != nil {
		o.node.Content = append(o.node.Content, scalar(key), node)
	}
	return o
}

// emptyList adds a key whose value is an empty list, which set would leave out.
func (o *object) emptyList(key string) *object {
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	o.node.Content = append(o.node.Content, scalar(key), list)
	return o
}

func toNode(value any) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	switch v := value.(type) {
	case *object:
		if v == nil || len(v.node.Content) == 0 {
			return nil
		}
		return &v.node
	case []*object:
		for _, item := range v {
			list.Content = append(list.Content, &item.node)
		}
	case []string:
		list.Style = yaml.FlowStyle
		for _, item := range v {
			list.Content = append(list.Content, scalar(item))
		}
	case string:
		if v == "" {
			return nil
		}
		return scalar(v)
	default:
		return scalar(v)
	}
	if len(list.Content) == 0 {
		return nil
	}
	return list
}

func scalar(value any) *yaml.Node {
	node := new(yaml.Node)
	if err := node.Encode(value); err != nil {
		node.SetString(fmt.Sprint(value))
	}
	return node
}

// bytes is the document.
func (o *object) bytes(header string) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(header)
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&o.node); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return out.Bytes(), encoder.Close()
}
