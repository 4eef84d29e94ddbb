package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// configFile gives flags the values of a YAML file, by their names.
type configFile map[string]any

func loadConfig(r io.Reader) (kong.Resolver, error) {
	file := configFile{}
	if err := yaml.NewDecoder(r).Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the configuration file is not a YAML map of flags: %w", err)
	}
	return file, nil
}

// Validate refuses a name that no flag has: a misspelt setting must not be
// ignored.
func (f configFile) Validate(application *kong.Application) error {
	known := map[string]bool{}
	collectFlags(application.Node, known)
	for name := range f {
		if !known[name] {
			return fmt.Errorf("the configuration file sets %q, which no flag is called", name)
		}
	}
	return nil
}

func collectFlags(node *kong.Node, known map[string]bool) {
	for _, flag := range node.Flags {
		known[flag.Name] = true
	}
	for _, child := range node.Children {
		collectFlags(child, known)
	}
}

// Resolve gives a flag's value, or nil where the environment has one: it goes
// before the file.
func (f configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	switch value := f[flag.Name].(type) {
	case nil:
		return nil, nil
	case []any:
		texts := make([]string, len(value))
		for i, one := range value {
			texts[i] = fmt.Sprint(one)
		}
		return strings.Join(texts, ","), nil
	default:
		return fmt.Sprint(value), nil
	}
}
