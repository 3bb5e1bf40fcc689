// Renders a Helm chart as `helm template` does: with Go's text/template and sprig, the engine and the functions of Helm.
// For tests, where Helm itself cannot be installed.
//
//	helm CHART RELEASE NAMESPACE < values.json > manifests as JSON: {"templates/x.yaml": "text"}
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	yaml "gopkg.in/yaml.v3"
)

type values = map[string]interface{}

// files is what templates know as .Files.
type files map[string][]byte

func (f files) Get(name string) string { return string(f[name]) }

func (f files) Glob(pattern string) files {
	found := files{}
	for name, data := range f {
		if matches, _ := filepath.Match(pattern, name); matches {
			found[name] = data
		}
	}
	return found
}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(chart, release, namespace string) error {
	var about values
	if err := readYaml(filepath.Join(chart, "Chart.yaml"), &about); err != nil {
		return err
	}
	given, set := values{}, values{}
	if err := readYaml(filepath.Join(chart, "values.yaml"), &given); err != nil {
		return err
	}
	if err := json.NewDecoder(os.Stdin).Decode(&set); err != nil {
		return err
	}
	data := values{
		"Values":  merge(given, set),
		"Chart":   values{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
		"Release": values{"Name": release, "Namespace": namespace, "Service": "Helm", "IsInstall": true, "IsUpgrade": false},
		"Files":   filesOf(chart),
	}
	root := template.New("chart").Option("missingkey=zero")
	root.Funcs(functions(root))
	names, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := root.New(filepath.Base(name)).Parse(string(text)); err != nil {
			return err
		}
	}
	rendered := map[string]string{}
	for _, name := range names {
		base := filepath.Base(name)
		if strings.HasPrefix(base, "_") {
			continue
		}
		var out bytes.Buffer
		if err := root.ExecuteTemplate(&out, base, data); err != nil {
			return err
		}
		// As Helm does: what a missing key left.
		rendered[base] = strings.ReplaceAll(out.String(), "<no value>", "")
	}
	return json.NewEncoder(os.Stdout).Encode(rendered)
}

func functions(root *template.Template) template.FuncMap {
	funcs := sprig.TxtFuncMap()
	// Helm takes these away: a chart must not read the environment of the machine that renders it.
	delete(funcs, "env")
	delete(funcs, "expandenv")
	funcs["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := root.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	funcs["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(message)
		}
		return value, nil
	}
	funcs["toYaml"] = func(value interface{}) (string, error) {
		var out bytes.Buffer
		encoder := yaml.NewEncoder(&out)
		encoder.SetIndent(2)
		err := encoder.Encode(value)
		return strings.TrimSuffix(out.String(), "\n"), err
	}
	return funcs
}

// merge puts values that were set over those of the chart, maps part by part.
func merge(given, set values) values {
	for key, value := range set {
		below, isMap := given[key].(values)
		over, overIsMap := value.(values)
		if isMap && overIsMap {
			given[key] = merge(below, over)
		} else {
			given[key] = value
		}
	}
	return given
}

func readYaml(path string, into *values) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return yaml.Unmarshal(text, into)
}

// filesOf reads what is in the folder files, through links.
func filesOf(chart string) files {
	found := files{}
	_ = filepath.WalkDir(filepath.Join(chart, "files"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(chart, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		found[name] = data
		return err
	})
	return found
}
