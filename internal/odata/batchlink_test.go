package odata

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBatchDependencies has what each request waits for, and the order of it.
func TestBatchDependencies(t *testing.T) {
	t.Parallel()
	cases := []struct {
		body    string
		depends [][]int
		units   [][]int
	}{
		{gets("a", ``, "b", ``), [][]int{nil, nil}, [][]int{{0}, {1}}},
		{gets("a", `"dependsOn":["b"]`, "b", ``), [][]int{{1}, nil}, [][]int{{1}, {0}}},
		{gets("a", ``, "b", `"dependsOn":["a","a"]`), [][]int{nil, {0}}, [][]int{{0}, {1}}},
		{
			gets("a", `"atomicityGroup":"g"`, "b", `"dependsOn":["g"]`, "c", `"atomicityGroup":"g","dependsOn":["a"]`),
			[][]int{nil, {0, 2}, {0}},
			[][]int{{0, 2}, {1}},
		},
		{
			gets("a", `"atomicityGroup":"g","dependsOn":["h"]`, "b", `"atomicityGroup":"h"`, "c", `"atomicityGroup":"g"`, "d", `"atomicityGroup":"h"`),
			[][]int{{1, 3}, nil, nil, nil},
			[][]int{{1, 3}, {0, 2}},
		},
	}
	for _, c := range cases {
		batch, err := ParseBatch("application/json", []byte(c.body), testRoot)
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		var depends [][]int
		for _, item := range batch.Items {
			depends = append(depends, item.DependsOn)
		}
		if diff := cmp.Diff(c.depends, depends); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.body, diff)
		}
		if diff := cmp.Diff(c.units, batch.Units); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.body, diff)
		}
	}
}

func TestBatchReference(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"$1/parts?$top=1": "/parts?$top=1",
		"$1":              "",
		"$1?x":            "?x",
		"/$1/parts":       "/parts",
		"/beta/%241":      "",
		testRoot + "/$1":  "",
	}
	for raw, want := range cases {
		body := gets("1", ``, "2", `"dependsOn":["1"],"url":"`+raw+`"`)
		batch, err := ParseBatch("application/json", []byte(body), testRoot)
		if err != nil || batch.Items[1].Reference != 0 || batch.Items[1].URL != want {
			t.Errorf("%s: %v %+v", raw, err, batch)
		}
	}
	// A system resource's name is never a reference.
	body := gets("metadata", ``, "2", `"url":"/$metadata"`)
	if batch, err := ParseBatch("application/json", []byte(body), testRoot); err != nil || batch.Items[1].Reference != -1 {
		t.Error(err, batch)
	}
}
