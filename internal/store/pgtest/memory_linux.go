package pgtest

import (
	"os"
	"syscall"
)

// fastDir returns the folder for clusters that needn't outlive a crash: in memory, where files are made many times
// faster, as long as it is large (in a container it often is not) and TMPDIR names no other. It goes by the whole size,
// as all processes of a run must choose alike.
func fastDir() string {
	const memory, pages = "/dev/shm", 1 << 20 // 4 GiB
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(memory, &fs) == nil && fs.Blocks >= pages {
		return memory
	}
	return os.TempDir()
}
