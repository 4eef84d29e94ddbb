// Command size links the one driver that its build tag names, opens a database through eight
// connections and prints the memory it then holds (on Linux). Without a tag it is the empty
// program to compare with.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// A driver's open makes one connection and uses it; kept holds it open until the end.
var (
	open = func(path string) error { return nil }
	kept []any
)

func main() {
	dir, err := os.MkdirTemp("", "size")
	for i := 0; i < 8 && err == nil; i++ {
		err = open(filepath.Join(dir, "size.db"))
	}
	debug.FreeOSMemory()
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmRSS") {
			fmt.Print(line)
		}
	}
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}
