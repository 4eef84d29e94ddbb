package odata

import (
	"errors"
	"strings"
	"testing"
)

func TestBatchURL(t *testing.T) {
	t.Parallel()
	own, err := parseRoots([]string{testRoot, otherRoot + "/"})
	if err != nil {
		t.Fatal(err)
	}
	const foreign, broken = "is not a URL of this service", "is no URL"
	cases := map[string]struct{ relative, fault string }{
		"deviceManagement/a":                      {relative: "/deviceManagement/a"},
		"/deviceManagement/a":                     {relative: "/deviceManagement/a"},
		"/beta/deviceManagement/a":                {relative: "/deviceManagement/a"},
		"/v1/deviceManagement/a":                  {relative: "/deviceManagement/a"},
		"https://host:8443/beta/a?$top=1":         {relative: "/a?$top=1"},
		"https://compliance.example:443/v1/a":     {relative: "/a"},
		"/beta":                                   {relative: "/"},
		"/beta?x=y":                               {relative: "/?x=y"},
		"beta/a":                                  {relative: "/beta/a"},
		"/betas/a":                                {relative: "/betas/a"},
		"?a=b":                                    {relative: "/?a=b"},
		"a?":                                      {relative: "/a"},
		"a?$filter=city eq 'Zürich'&x={\"a\"}":    {relative: "/a?$filter=city%20eq%20'Z%C3%BCrich'&x=%7B%22a%22%7D"},
		"a b/c%2Fd\\e":                            {relative: "/a%20b/c%2Fd%5Ce"},
		"/a('x:y')/b":                             {relative: "/a('x:y')/b"},
		"a?b=https://elsewhere.example/c":         {relative: "/a?b=https://elsewhere.example/c"},
		"http://host:8443/beta/a":                 {fault: foreign},
		"https://host/beta/a":                     {fault: foreign},
		"https://host:8443/a":                     {fault: foreign},
		"https://host:8443/betas":                 {fault: foreign},
		"https://host:8443/v1/a":                  {fault: foreign},
		"https://host:8443.evil.example/beta/a":   {fault: broken},
		"https://host:8443@evil.example/beta/a":   {fault: foreign},
		"https://evil@host:8443/beta/a":           {fault: foreign},
		"https://evil.example\\@host:8443/beta/a": {fault: foreign},
		"https:/beta/a":                           {fault: foreign},
		"https:beta/a":                            {fault: foreign},
		"//host:8443/beta/a":                      {fault: foreign},
		"//evil.example/a":                        {fault: foreign},
		"javascript:alert(1)":                     {fault: foreign},
		"file:///etc/passwd":                      {fault: foreign},
		"/beta//evil.example":                     {fault: "empty segment"},
		"https://host:8443/beta//evil.example":    {fault: "empty segment"},
		"a#b":                                     {fault: "%23"},
		"a?$filter=name eq 'C#'":                  {fault: "%23"},
		"a\r\nb":                                  {fault: "control character"},
		"a\x00":                                   {fault: "control character"},
		"%zz":                                     {fault: broken},
		"":                                        {fault: broken},
		"1:2/a":                                   {fault: broken},
		"https://host:8443:8443/beta/a":           {fault: broken},
		"https://host:port/beta/a":                {fault: broken},
		strings.Repeat("https://host:8443/beta", 2): {fault: foreign},
	}
	for raw, want := range cases {
		relative, fault := own.relative(raw)
		if relative != want.relative || (fault == "") != (want.fault == "") || !strings.Contains(fault, want.fault) {
			t.Errorf("%q: %q, %q, want %q, %q", raw, relative, fault, want.relative, want.fault)
		}
	}
}

func TestBatchRoots(t *testing.T) {
	t.Parallel()
	own, err := parseRoots([]string{"http://[::1]"})
	if err != nil {
		t.Fatal(err)
	}
	if relative, fault := own.relative("http://[::1]:80/a"); relative != "/a" {
		t.Error(relative, fault)
	}
	if !own.haveHost("[::1]") || !own.haveHost("[::1]:80") || own.haveHost("[::1]:443") {
		t.Error("hosts")
	}
	// A root that is none is a fault of ours, and not the client's.
	_, err = ParseBatch(JSON, []byte(item("")), "://")
	if _, isClients := errors.AsType[*Error](err); err == nil || isClients {
		t.Error(err)
	}
}
