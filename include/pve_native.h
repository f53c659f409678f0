/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pve-native: what is in a disk image, in the chain under it, and which snapshots that means; in
 * process.
 *
 * This file is generated from the library's source. docs/c-api.md has a guide and an example.
 *
 * Failing. A function that can fail returns PVEN_OK or a PVEN_ERR_* code. Its last argument may
 * be NULL; otherwise it is set to NULL on success and to a pven_error on failure, which the caller
 * frees. Codes and errnos are part of the ABI, messages are not. There is no global error state.
 *
 * Out-parameters. They are set to NULL (structs: to zeros) first and filled only on success.
 * They must not be NULL, save the pven_error.
 *
 * Options. A pointer and the size of what it points to. Zero is the default of every field, NULL
 * means all defaults. Structs grow at their end: a shorter one is filled up with zeros, a longer
 * one is refused if what is not known here is not zero. Give sizeof the struct.
 *
 * Ownership. What _open hands out, the matching _free takes; each _free takes NULL. A char * is
 * freed with pven_string_free(), a const char * is not freed: the comment says how long it lives.
 *
 * Threads. Each comment says what may be used from many threads. fork() is allowed at any time.
 *
 * Pointers. NULL where it is not allowed is PVEN_ERR_ARGUMENT; strings end with a NUL. Nothing
 * unwinds out of these functions: a defect of the library is PVEN_ERR_PANIC, and a handle that
 * was involved can then only be freed.
 */

#ifndef PVE_NATIVE_H
#define PVE_NATIVE_H

#include <stddef.h>
#include <stdint.h>

/**
 * Counts the versions of this interface: one more with each addition. It changes apart from the
 * version of the project; what would break a program changes the SONAME instead.
 */
#define PVEN_ABI_VERSION 1

/** Success. */
#define PVEN_OK 0

/** An argument that no call can be made with: NULL, an empty path, an unknown option or format. */
#define PVEN_ERR_ARGUMENT 1

/** The operating system refused; the errno says why. */
#define PVEN_ERR_IO 2

/** The file is not what it was said to be: wrong magic, a directory, a FIFO. */
#define PVEN_ERR_FORMAT 3

/** The file has the right magic, but its metadata breaks the format's rules. */
#define PVEN_ERR_CORRUPT 4

/** Valid, but a version, feature, protocol or driver that is not known here. */
#define PVEN_ERR_UNSUPPORTED 5

/** Above a bound of this library's or of the caller's. */
#define PVEN_ERR_LIMIT 6

/** The caller's policy forbids it. */
#define PVEN_ERR_DENIED 7

/** A backing chain that comes back to an image that is already in it. */
#define PVEN_ERR_CYCLE 8

/** A backing image whose format is not recorded, so that it could only be probed. */
#define PVEN_ERR_UNNAMED_FORMAT 9

/** The time that the caller gave is up. */
#define PVEN_ERR_TIMEOUT 10

/** Too many calls of this process already hang in the kernel. */
#define PVEN_ERR_BUSY 11

/** A defect of this library, caught at its border. */
#define PVEN_ERR_PANIC 12

/** The handle is unusable after PVEN_ERR_PANIC in an earlier call; it can only be freed. */
#define PVEN_ERR_POISONED 13

/** The caller's progress callback asked to stop. */
#define PVEN_ERR_CANCELLED 14

/** What pven_error_offset() answers if no single field is to blame. */
#define PVEN_NO_OFFSET UINT64_MAX

/** Not known: an image that could not be read. */
#define PVEN_FORMAT_UNKNOWN 0

/** Bytes as they are. */
#define PVEN_FORMAT_RAW 1

/** qcow2, versions 2 and 3. */
#define PVEN_FORMAT_QCOW2 2

/** VMware's VMDK, all subformats. */
#define PVEN_FORMAT_VMDK 3

/** VirtualBox's VDI. */
#define PVEN_FORMAT_VDI 4

/** VHD, which QEMU calls vpc. */
#define PVEN_FORMAT_VPC 5

/** VHDX. */
#define PVEN_FORMAT_VHDX 6

/** QEMU's QED. */
#define PVEN_FORMAT_QED 7

/** LUKS version 1, as a format of its own. */
#define PVEN_FORMAT_LUKS 8

/** qcow version 1. */
#define PVEN_FORMAT_QCOW 9

/** Parallels; recognised, not read. */
#define PVEN_FORMAT_PARALLELS 10

/** Bochs' growing images; recognised, not read. */
#define PVEN_FORMAT_BOCHS 11

/** Compressed loop images; recognised, not read. */
#define PVEN_FORMAT_CLOOP 12

/** Apple's DMG; recognised, not read. */
#define PVEN_FORMAT_DMG 13

/** virtual_size is known. */
#define PVEN_IMAGE_HAS_VIRTUAL_SIZE (1 << 0)

/** The format records whether an image was closed cleanly: PVEN_IMAGE_DIRTY means something. */
#define PVEN_IMAGE_HAS_DIRTY_FLAG (1 << 1)

/** The image was not closed cleanly. */
#define PVEN_IMAGE_DIRTY (1 << 2)

/** The image is marked as corrupt. */
#define PVEN_IMAGE_CORRUPT (1 << 3)

/** Guest data is encrypted. */
#define PVEN_IMAGE_ENCRYPTED (1 << 4)

/** The file is a block device. */
#define PVEN_IMAGE_BLOCK_DEVICE (1 << 5)

/** qcow2: guest data lies in another file. */
#define PVEN_IMAGE_DATA_FILE (1 << 6)

/** qcow2: that file may be read as a raw image. */
#define PVEN_IMAGE_DATA_FILE_RAW (1 << 7)

/** qcow2: refcounts may be updated late. */
#define PVEN_IMAGE_LAZY_REFCOUNTS (1 << 8)

/** qcow2: L2 entries have subclusters. */
#define PVEN_IMAGE_EXTENDED_L2 (1 << 9)

/** qcow2: there are bitmaps, but a program that does not know them changed the image since. */
#define PVEN_IMAGE_STALE_BITMAPS (1 << 10)

/** The format does not compress, or does not say how. */
#define PVEN_COMPRESSION_NONE 0

/** Raw deflate. */
#define PVEN_COMPRESSION_ZLIB 1

/** Zstandard. */
#define PVEN_COMPRESSION_ZSTD 2

/** Not encrypted. */
#define PVEN_ENCRYPTION_NONE 0

/** AES-CBC, as qcow version 1 had it; broken by design. */
#define PVEN_ENCRYPTION_AES 1

/** LUKS version 1. */
#define PVEN_ENCRYPTION_LUKS 2

/** The bitmap was not saved properly: its contents are worth nothing. */
#define PVEN_BITMAP_IN_USE (1 << 0)

/** The bitmap must track all changes to the disk. */
#define PVEN_BITMAP_AUTO (1 << 1)

/** Readers must know the feature. */
#define PVEN_FEATURE_INCOMPATIBLE 0

/** Readers may ignore the feature. */
#define PVEN_FEATURE_COMPATIBLE 1

/** Writers clear the bit if they do not know the feature. */
#define PVEN_FEATURE_AUTOCLEAR 2

/** What pven_snapshot has for icount if instructions were not counted. */
#define PVEN_NO_ICOUNT UINT64_MAX

/** Only what the policy says by itself. */
#define PVEN_PRESET_NONE 0

/** Somebody uploaded the image: one file that names no other. */
#define PVEN_PRESET_UPLOAD 1

/** A chain that is brought back from elsewhere: all of it lies inside the roots, which are needed. */
#define PVEN_PRESET_RESTORE 2

/**
 * A volume of one of the caller's own storages: what a guest writes into a raw disk is no reason to
 * refuse it.
 */
#define PVEN_PRESET_STORAGE 3

/** Symbolic links are followed if they do not leave the roots; so are udev's to block devices. */
#define PVEN_SYMLINKS_INSIDE 0

/** No symbolic link is followed below the roots. */
#define PVEN_SYMLINKS_NONE 1

/** Any symbolic link is followed: the name must lie inside the roots, the file may lie elsewhere. */
#define PVEN_SYMLINKS_ANY 2

/** Roots, formats or protocols of one policy at the most. */
#define PVEN_POLICY_LIST_MAX 1024

/** Worth knowing; harmless. */
#define PVEN_SEVERITY_INFO 0

/** Unusual; harmless under this policy. */
#define PVEN_SEVERITY_WARNING 1

/** Against the policy, or not to be read safely: the image must not be used. */
#define PVEN_SEVERITY_ERROR 2

/**
 * In place of the number of a descriptor set: files are named by the descriptors that this process
 * holds.
 */
#define PVEN_NO_SETS -1

/** Images that one call of pven_inspect_many_json() takes at the most. */
#define PVEN_MANY_MAX 100000

/**
 * Bit of the flags of an extent: the disk reads as something in one of the images, not as the zeros
 * behind the chain's end.
 */
#define PVEN_EXTENT_PRESENT 1

/** Bit of the flags of an extent: it reads as zeros. */
#define PVEN_EXTENT_ZERO 2

/**
 * Bit of the flags of an extent: it is stored as data; with PVEN_EXTENT_ZERO too, in a hole of the
 * file.
 */
#define PVEN_EXTENT_DATA 4

/** Bit of the flags of an extent: it is stored compressed. */
#define PVEN_EXTENT_COMPRESSED 8

/**
 * The flags of an extent shifted right by so many bits are its depth: the index of the image that
 * serves it in pven_extents_chain(), the top one being 0.
 */
#define PVEN_EXTENT_DEPTH_SHIFT 32

/** Extents that one call of pven_extents_next() gives at the most. */
#define PVEN_EXTENTS_MAX (1 << 24)

/** There is no such number. */
#define PVEN_NO_SIZE UINT64_MAX

/** Options for creating an image that a function takes at the most. */
#define PVEN_OPTIONS_MAX 1000

/** It belongs to the volume. */
#define PVEN_STANDING_KEPT 0

/** It is being made, and nothing stands on it. */
#define PVEN_STANDING_UNFINISHED 1

/** It is about to be removed: not part of the volume any more. */
#define PVEN_STANDING_REMOVED 2

/** Nothing reliable is known of a map. */
#define PVEN_MAP_UNKNOWN 0

/** All paths of a map can be used. */
#define PVEN_MAP_OPTIMAL 1

/** Some paths of a map can be used. */
#define PVEN_MAP_DEGRADED 2

/** The node should have the map, and has not. */
#define PVEN_MAP_MISSING 3

/** No path of a map can be used. */
#define PVEN_MAP_FAILED 4

/** Bit of the flags of a map: it is suspended, I/O waits whatever the paths are. */
#define PVEN_MAP_SUSPENDED 1

/** Bit of the flags of a map: I/O without paths waits for them, instead of failing. */
#define PVEN_MAP_QUEUEING 2

/** Bit of the flags of a map: all paths in use have shown intermittent errors. */
#define PVEN_MAP_MARGINAL 4

/** Nodes are loaded with what their guests may use at most, whatever they do use. */
#define PVEN_SCHEDULER_STATIC 0

/**
 * Nodes are loaded with what they use now; guests about to start count with their maxima where the next one
 * is to start.
 */
#define PVEN_SCHEDULER_DYNAMIC 1

/** An imbalance of 1: the standard deviation of the nodes' loads is as large as their mean. */
#define PVEN_IMBALANCE_MEAN 0

/** An imbalance of 1: one node has all the load. */
#define PVEN_IMBALANCE_UNIT 1

/** In place of an index where there is no such image. */
#define PVEN_NO_INDEX -1

/** Volumes that one call of pven_snapshot_graph_from_volumes() takes at the most. */
#define PVEN_VOLUMES_MAX (1 << 20)

/** Tags that each of them has at the most. */
#define PVEN_TAGS_MAX 4096

/** Samples, or dimensions of a vector, that a function takes at the most. */
#define PVEN_SAMPLES_MAX (1 << 24)

/**
 * What was found in a chain when it was audited: no file stays open. Made by pven_audit_open(),
 * freed by pven_audit_free().
 */
typedef struct pven_audit pven_audit;

/**
 * A backing chain as it was when it was opened: no file stays open. Made by pven_chain_open(),
 * freed by pven_chain_free().
 */
typedef struct pven_chain pven_chain;

/**
 * How healthy the LUNs of a cluster are, kept up to date. Made by pven_cluster_engine_new(), freed by
 * pven_cluster_engine_free(). At each moment it says what pven_cluster_status_json() would say of all
 * broadcasts at once, but what is told again costs next to nothing, and what changes costs that change.
 *
 * One thread at a time, not always the same. Touches no storage. A process that was forked has an engine
 * of its own from then on. Times are in seconds since 1970; a time before the last one makes it that time
 * again.
 */
typedef struct pven_cluster_engine pven_cluster_engine;

/** Why a call failed. Free it with pven_error_free(). */
typedef struct pven_error pven_error;

/**
 * The extents of a disk, from its start to its end. Made by pven_extents_open(), freed by
 * pven_extents_free(); the files of the chain are open until then.
 */
typedef struct pven_extents pven_extents;

/**
 * An audited chain whose files stay open until it is freed. Made by pven_pin_open(), freed by
 * pven_pin_free().
 *
 * What it gives to QEMU describes each image by itself: QEMU follows no name that stands in an
 * image, and guesses no format. The files are open for reading; that keeps nobody from writing to
 * them and takes none of QEMU's locks.
 */
typedef struct pven_pin pven_pin;

/**
 * Parts of a disk, in its order; no two of them touch. Made by pven_changed_extents() or
 * pven_bitmap_extents(), freed by pven_ranges_free().
 */
typedef struct pven_ranges pven_ranges;

/**
 * A cluster that is told of node by node and guest by guest. Made by pven_scheduler_new(), freed by
 * pven_scheduler_free(). It gives the scores of Proxmox VE's own scheduler, and equal clusters give equal
 * scores, whatever the order in which they were told of.
 *
 * A const scheduler may be used from many threads, otherwise one at a time. Names are NUL-terminated UTF-8.
 * Numbers of cores are finite, from 0 to 2^32; others are PVEN_ERR_ARGUMENT. What is refused changes nothing.
 */
typedef struct pven_scheduler pven_scheduler;

/**
 * The images of a volume as they were when they were read: no file stays open. Made by
 * pven_snapshot_graph_open() or pven_snapshot_graph_from_volumes(), freed by
 * pven_snapshot_graph_free().
 *
 * What cannot be read, is missing or leads in a circle is part of the graph, and told by its
 * findings.
 */
typedef struct pven_snapshot_graph pven_snapshot_graph;

/**
 * What an image may cost; docs/limits.md has more on each. Zero is the default everywhere. All can
 * be lowered; a value above what can be asked for is PVEN_ERR_ARGUMENT. An image that is above one
 * of them is PVEN_ERR_LIMIT.
 */
typedef struct pven_limits {
    /** Images in one backing chain. 0: 200; at most 10000. max_depth of the options comes first. */
    uint64_t max_depth;
    /** Bytes of the disk that the guest sees. 0: as many as QEMU takes. */
    uint64_t max_virtual_size;
    /** vmdk: further files that hold data. 0: 4096, which is also the most. */
    uint64_t max_extents;
    /** Length of a backing file name in bytes. 0: what QEMU takes. */
    uint64_t max_backing_name;
    /** Length of other names in bytes: of snapshots, bitmaps, data files. 0: what the format takes. */
    uint64_t max_name;
    /** qcow2: internal snapshots. 0: 65536, as many as QEMU takes. */
    uint64_t max_snapshots;
    /** qcow2: persistent bitmaps. 0: 65535, as many as QEMU takes. */
    uint64_t max_bitmaps;
    /** qcow2: bytes of the active L1 table. 0: 32 MiB, as many as QEMU takes. */
    uint64_t max_l1_bytes;
    /** qcow2: bytes of the refcount table. 0: 8 MiB, as many as QEMU takes. */
    uint64_t max_refcount_table_bytes;
    /** vpc, vhdx: bytes in use of the block allocation table. 0: 64 MiB, which is also the most. */
    uint64_t max_block_table_bytes;
    /** Bytes read of one image with all its extents, that table left out. 0: 1 MiB; at most 256 MiB. */
    uint64_t max_read_bytes;
    /**
     * Structures, table entries and lines that are looked at in one image with all its extents.
     * 0: a million; at most 100 millions.
     */
    uint64_t max_steps;
    /** Ranges in an answer that is a list of them. 0: 4 Mi; at most 256 Mi. */
    uint64_t max_ranges;
    /**
     * Bytes of memory for counting the references of a check, one for each cluster in use.
     * 0: 2 GiB; at most 64 GiB.
     */
    uint64_t max_check_bytes;
} pven_limits;

/** How to open an image or a chain. Zero is the default everywhere. */
typedef struct pven_open_opts {
    /**
     * Format of the top image by QEMU's name. NULL: the extension of the file's name decides, and
     * a name without one means raw. "auto-detect" probes: never on data that a guest can write.
     */
    const char *format;
    /** How long storage may take altogether, in seconds; fractions are allowed. 0: no limit. */
    double timeout;
    /** Images in the chain at the most. 0: 200. Above 10000 is refused. */
    uint32_t max_depth;
    /**
     * 1: probe backing images whose format is not recorded, as QEMU does. Unsafe on data that a
     * guest can write.
     */
    uint8_t allow_probe;
    /** 1: a chain that is not whole is an error. */
    uint8_t strict;
    /** Zero. */
    uint8_t reserved[2];
    /** What each image may cost. NULL: all defaults. */
    const pven_limits *limits;
    /** Size of what limits points to. */
    size_t limits_size;
} pven_open_opts;

/**
 * One entry of a chain. Strings are bytes and live as long as the chain; sizes are bytes. An
 * entry whose error_code is not PVEN_OK only has its filename and what begins with error_.
 */
typedef struct pven_image_info {
    /** The file's name as QEMU prints it: without a leading "file:". */
    const char *filename;
    /** QEMU's name of the format; NULL if it is not known. Static. */
    const char *format_name;
    /** The backing file's name as the image stores it; NULL without one. */
    const char *backing_filename;
    /** The backing file's name seen from this image, as QEMU builds it; NULL without one. */
    const char *full_backing_filename;
    /** The recorded format of the backing file; NULL if none is recorded. */
    const char *backing_format;
    /** qcow2: the recorded name of the data file; NULL if none is recorded. */
    const char *data_file;
    /** Why this image could not be read, for people; NULL if it could. */
    const char *error_message;
    /** Size of the disk that the guest sees, if PVEN_IMAGE_HAS_VIRTUAL_SIZE is set. */
    uint64_t virtual_size;
    /** Storage that the image takes: the file and, for vmdk, its extents. */
    uint64_t actual_size;
    /** Length of the file, or size of the device. */
    uint64_t file_size;
    /** Unit of allocation; 0 where the format has none. */
    uint64_t cluster_size;
    /** Last status change of the file, seconds since the epoch. */
    int64_t ctime;
    /** qcow2: feature bits that a reader must know. */
    uint64_t incompatible_features;
    /** qcow2: feature bits that a reader may ignore. */
    uint64_t compatible_features;
    /** qcow2: feature bits that a writer clears if it does not know them. */
    uint64_t autoclear_features;
    /** Internal snapshots: see pven_chain_image_snapshot(). */
    size_t snapshots;
    /** Persistent bitmaps: see pven_chain_image_bitmap(). */
    size_t bitmaps;
    /** qcow2: names of feature bits: see pven_chain_image_feature_name(). */
    size_t feature_names;
    /** Further files that hold data: see pven_chain_image_extent(). */
    size_t extents;
    /** Warnings: see pven_chain_image_warning(). */
    size_t warnings;
    /** PVEN_FORMAT_*. */
    uint32_t format;
    /** PVEN_IMAGE_* bits. */
    uint32_t flags;
    /** qcow2: 2 or 3; else 0. */
    uint32_t qcow2_version;
    /** qcow2: width of a refcount in bits; else 0. */
    uint32_t refcount_bits;
    /** PVEN_COMPRESSION_*. */
    uint32_t compression;
    /** PVEN_ENCRYPTION_*. */
    uint32_t encryption;
    /** PVEN_OK, or the PVEN_ERR_* code of the failure at which the chain is broken. */
    int32_t error_code;
    /** The errno of that failure. */
    int32_t error_errno;
} pven_image_info;

/** An internal snapshot. Strings are bytes and live as long as the chain. */
typedef struct pven_snapshot {
    /** The identifier, usually a small number. */
    const char *id;
    /** The name. */
    const char *name;
    /** Bytes of saved machine state; 0 for a snapshot of the disk alone. */
    uint64_t vm_state_size;
    /** Bytes of the disk when the snapshot was taken. */
    uint64_t disk_size;
    /** When it was taken: seconds since the epoch. */
    uint64_t date_sec;
    /** The rest of that second, in nanoseconds. */
    uint64_t date_nsec;
    /** How long the guest had been running, in nanoseconds. */
    uint64_t vm_clock_nsec;
    /** Executed instructions, where record and replay counted them; else PVEN_NO_ICOUNT. */
    uint64_t icount;
} pven_snapshot;

/** A persistent bitmap of qcow2. Strings are bytes and live as long as the chain. */
typedef struct pven_bitmap {
    /** The name. */
    const char *name;
    /** Bytes of the disk that one bit stands for. */
    uint64_t granularity;
    /** PVEN_BITMAP_* bits. */
    uint32_t flags;
    /** Zero. */
    uint32_t reserved;
} pven_bitmap;

/**
 * A feature bit of qcow2 and what the image calls it. Strings are bytes and live as long as the
 * chain.
 */
typedef struct pven_feature_name {
    /** The name; whoever wrote the image chose it. */
    const char *name;
    /** PVEN_FEATURE_*, or another number that the image has and the format does not know. */
    uint32_t kind;
    /** The bit; 0 is the lowest. */
    uint32_t bit;
} pven_feature_name;

/**
 * A further file that holds data of an image (vmdk). Strings are bytes and live as long as the
 * chain.
 */
typedef struct pven_extent_file {
    /** QEMU's name of the child node, such as "extents.0". */
    const char *child;
    /** The file's name, seen from the image. */
    const char *filename;
    /** Length of the file, or size of the device, in bytes. */
    uint64_t file_size;
    /** Bytes of storage that it takes. */
    uint64_t actual_size;
} pven_extent_file;

/** What an image may be and name. Zero is the default everywhere, and the safe one. */
typedef struct pven_policy {
    /** PVEN_PRESET_*: where the image comes from. */
    uint32_t preset;
    /** PVEN_SYMLINKS_*: which symbolic links may lead to a file. */
    uint32_t symlinks;
    /** Format of the top image, as in pven_open_opts. */
    const char *format;
    /** How long storage may take altogether, in seconds; fractions are allowed. 0: no limit. */
    double timeout;
    /**
     * Directories in one of which every file must really lie. None: that of the top image, for all
     * files but the top image itself.
     */
    const char *const *roots;
    /** Number of roots. */
    size_t roots_count;
    /** Names of the formats that images may have. None: all whose metadata are read here. */
    const char *const *formats;
    /** Number of formats. */
    size_t formats_count;
    /**
     * Protocols that may be named, such as "nbd", although nothing is read over them. None: files
     * only.
     */
    const char *const *protocols;
    /** Number of protocols. */
    size_t protocols_count;
    /** Bytes of a disk at the most. 0: 128 TiB. */
    uint64_t max_virtual_size;
    /** Images in the chain at the most. 0: 200. Above 10000 is refused. */
    uint32_t max_depth;
    /** 1: an image must not stand on another one. */
    uint8_t deny_backing;
    /** 1: the data may lie in an external data file. */
    uint8_t allow_data_file;
    /**
     * 1: a backing image whose format is not recorded may be probed, as QEMU does. Unsafe on data
     * that a guest can write.
     */
    uint8_t allow_unnamed_format;
    /** 1: all files must lie on the file system of the top image. */
    uint8_t same_device;
    /** What each image may cost. NULL: all defaults. */
    const pven_limits *limits;
    /** Size of what limits points to. */
    size_t limits_size;
} pven_policy;

/** One thing that was found. Strings live as long as the audit or graph. */
typedef struct pven_finding {
    /**
     * What: a stable word such as "backing-file". docs/audit.md lists those of audits,
     * docs/snapshots.md those of graphs.
     */
    const char *code;
    /** The image that it was found in, as bytes: its path; in a graph its name. */
    const char *image;
    /** A sentence for people, UTF-8, without control characters. Its wording is not part of the ABI. */
    const char *message;
    /** Where in that file, bytes from its start; PVEN_NO_OFFSET if no one place is to blame. */
    uint64_t offset;
    /** PVEN_SEVERITY_*. */
    uint32_t severity;
    /** Zero. */
    uint32_t reserved;
} pven_finding;

/** How to look at many images. Zero is the default everywhere. */
typedef struct pven_many_opts {
    /** How long the whole call may take, in seconds; fractions are allowed. 0: no limit. */
    double timeout;
    /** Images that are looked at side by side, at the most. 0: 16, which is also the most. */
    uint32_t threads;
    /** Zero. */
    uint8_t reserved[4];
    /** What each image may cost. NULL: all defaults. */
    const pven_limits *limits;
    /** Size of what limits points to. */
    size_t limits_size;
} pven_many_opts;

/** How to ask for QEMU's text. Zero is the default everywhere. */
typedef struct pven_qemu_img_info_opts {
    /**
     * Format of the image by QEMU's name. NULL or "auto-detect" probes, as QEMU does: never on
     * data that a guest can write.
     */
    const char *format;
    /** How long storage may take altogether, in seconds; fractions are allowed. 0: no limit. */
    double timeout;
    /** 1: the whole backing chain, as with --backing-chain. */
    uint8_t backing_chain;
    /** Zero. */
    uint8_t reserved[7];
    /** What each image may cost. NULL: all defaults. */
    const pven_limits *limits;
    /** Size of what limits points to. */
    size_t limits_size;
} pven_qemu_img_info_opts;

/** A part of the disk that is stored alike, as long as it can be. */
typedef struct pven_extent {
    /** Offset in the disk, in bytes. */
    uint64_t start;
    /** Bytes; never 0. */
    uint64_t length;
    /**
     * Where it lies in the file of the image that serves it, or in that image's data file: bytes
     * from the start. PVEN_NO_OFFSET if it has no place of its own.
     */
    uint64_t offset;
    /**
     * PVEN_EXTENT_PRESENT, _ZERO, _DATA and _COMPRESSED, and the depth above
     * PVEN_EXTENT_DEPTH_SHIFT.
     */
    uint64_t flags;
} pven_extent;

/** How to look at a volume. Zero is the default everywhere. */
typedef struct pven_file_size_opts {
    /**
     * Format of the volume by QEMU's name, or "subvol" for a directory. NULL or "auto-detect"
     * probes: never on data that a guest can write.
     */
    const char *format;
    /** How long storage may take altogether, in seconds; fractions are allowed. 0: no limit. */
    double timeout;
    /**
     * Called on the same thread, before pven_file_size() returns, once for each sentence to warn
     * with; it is UTF-8, for people, and lives until the callback returns. The callback must
     * return: no exception, no longjmp. NULL: nobody wants to know.
     */
    void (*warning)(void *data, const char *message);
    /** The first argument of the callback. */
    void *warning_data;
    /**
     * 1: somebody else made the image. No file but this one may belong to it, and whatever is
     * wrong is an error.
     */
    uint8_t untrusted;
    /** Zero. */
    uint8_t reserved[7];
} pven_file_size_opts;

/** What a volume is. */
typedef struct pven_file_size_info {
    /** Bytes that the guest sees; 0 for a directory. */
    uint64_t size;
    /** Bytes of storage that it takes. */
    uint64_t used;
    /** Last status change, seconds since the epoch; 0 if it could not be looked at. */
    int64_t ctime;
    /** QEMU's name of the format, or "subvol" for a directory. Static: never freed. */
    const char *format;
    /** Name of the backing file as stored, or NULL. The caller frees it with pven_string_free(). */
    char *parent;
    /**
     * 1: the volume could be looked at. 0: it could not, a warning says why, and all above is 0
     * or NULL except perhaps ctime. Never 0 for an untrusted image.
     */
    uint8_t known;
    /** Zero. */
    uint8_t reserved[7];
} pven_file_size_info;

/**
 * Told how far long work is: what is done, and what there is to do as far as that is known, in
 * units of the work's own. 0 cancels the work, which then fails with PVEN_ERR_CANCELLED; anything
 * else goes on. Called in the calling thread, about once a millisecond. It must return: no
 * longjmp(), no exception.
 */
typedef int32_t (*pven_progress_fn)(void *data, uint64_t done, uint64_t total);

/** How to do long work. Zero is the default everywhere. */
typedef struct pven_work_opts {
    /** How to open the image or chain, and how long all of the work may take. NULL: all defaults. */
    const pven_open_opts *open;
    /** Size of what open points to. */
    size_t open_size;
    /** Told how far it is. NULL: nobody. */
    pven_progress_fn progress;
    /** Handed to progress. */
    void *progress_data;
} pven_work_opts;

/** What a check says: the numbers of qemu-img check. */
typedef struct pven_check_result {
    /** What could not be checked. */
    uint64_t check_errors;
    /** What would lose or mix data: QEMU's status 2. */
    uint64_t corruptions;
    /** Clusters that are taken, but used by nothing: QEMU's status 3. */
    uint64_t leaks;
    /** The first offset in the file behind all that is in use, in bytes. */
    uint64_t image_end_offset;
    /** Clusters of the disk. */
    uint64_t total_clusters;
    /** Those of them that have a place in the file. */
    uint64_t allocated_clusters;
    /** Those of them that do not follow the one before. */
    uint64_t fragmented_clusters;
    /** Those of them that are compressed. */
    uint64_t compressed_clusters;
} pven_check_result;

/** A part of a disk. */
typedef struct pven_range {
    /** Where it begins, in bytes. */
    uint64_t start;
    /** Bytes; never 0. */
    uint64_t length;
} pven_range;

/** What an image would take: the numbers of qemu-img measure. */
typedef struct pven_measure {
    /** Bytes for what there is to store. */
    uint64_t required;
    /** Bytes once all of the disk has been written. */
    uint64_t fully_allocated;
    /** Bytes for the persistent bitmaps of the source; PVEN_NO_SIZE where not both formats have them. */
    uint64_t bitmaps;
} pven_measure;

/** How much room there is for an image on its device. */
typedef struct pven_headroom {
    /** The first offset behind all that is allocated now. */
    uint64_t end;
    /** Bytes before that end that are free: they are used again where writes fit in. */
    uint64_t free;
    /** Size of the device; PVEN_NO_SIZE for a file, which can grow. */
    uint64_t device_size;
    /** Where the end can be once all of the disk has been written, with this image's own layout. */
    uint64_t worst_case;
    /** What the device lacks for that; 0 if there is enough, PVEN_NO_SIZE where there is no device. */
    uint64_t short_by;
} pven_headroom;

/** What a node says of a LUN. */
typedef struct pven_cluster_map {
    /** PVEN_MAP_UNKNOWN to PVEN_MAP_FAILED. In strict mode the numbers of paths count. */
    uint32_t state;
    /** Bits: PVEN_MAP_SUSPENDED and the following ones. */
    uint32_t flags;
    /** Paths that can be used. */
    uint32_t paths_active;
    /** All paths. */
    uint32_t paths_total;
    /** Bytes; 0 if that is not known. */
    uint64_t size;
    /** "fc", "iscsi", "sas", ... as for pven_cluster_summarize(). NULL: not known. */
    const char *transport;
} pven_cluster_map;

/** How a scheduler works. Zero is the default everywhere. */
typedef struct pven_scheduler_opts {
    /** PVEN_SCHEDULER_STATIC or PVEN_SCHEDULER_DYNAMIC. */
    uint32_t mode;
    /** PVEN_IMBALANCE_MEAN or PVEN_IMBALANCE_UNIT. */
    uint32_t imbalance_scale;
} pven_scheduler_opts;

/** Capacity and usage of a node. */
typedef struct pven_node_stats {
    /** Cores in use. Not looked at in the static mode. */
    double cpu;
    /** Cores that there are. */
    uint64_t maxcpu;
    /** Bytes of memory in use. Not looked at in the static mode. */
    uint64_t mem;
    /** Bytes of memory that there are. */
    uint64_t maxmem;
} pven_node_stats;

/** A guest and where it is. */
typedef struct pven_guest {
    /** As in pven_guest_stats. */
    double cpu;
    /** As in pven_guest_stats. */
    double maxcpu;
    /** As in pven_guest_stats. */
    uint64_t mem;
    /** As in pven_guest_stats. */
    uint64_t maxmem;
    /** The node it is on. Not NULL. */
    const char *node;
    /** The node it is moving to; it counts on both. NULL: it stays. */
    const char *target;
    /** 1: it runs. 0: it is about to start. */
    uint8_t running;
    /** Zero. */
    uint8_t reserved[7];
} pven_guest;

/** What a guest may use, and does. */
typedef struct pven_guest_stats {
    /** Cores in use. Not looked at in the static mode. */
    double cpu;
    /** Cores that it may use; 0 is no limit, and counts as the whole node. */
    double maxcpu;
    /** Bytes of memory in use. Not looked at in the static mode. */
    uint64_t mem;
    /** Bytes of memory that it may use. */
    uint64_t maxmem;
} pven_guest_stats;

/**
 * Which volume a graph is about, and what it may cost. Zero is the default everywhere, but for the
 * scheme.
 */
typedef struct pven_snapshot_graph_opts {
    /** How the images are called: "lvmqcow2", "pve-dir", "pve-lvm" or "internal". Must be given. */
    const char *scheme;
    /**
     * What Proxmox VE calls the volume, such as "100/vm-100-disk-0.qcow2". NULL: as the names of the
     * images say.
     */
    const char *volname;
    /** ID of the storage. NULL: answers have no volume IDs. */
    const char *storeid;
    /**
     * Format of the image at path, as in pven_open_opts. NULL: its name decides. Must be NULL for
     * pven_snapshot_graph_from_volumes().
     */
    const char *format;
    /** How long storage may take altogether, in seconds; fractions are allowed. 0: no limit. */
    double timeout;
    /** What each image may cost. NULL: all defaults. */
    const pven_limits *limits;
    /** Size of what limits points to. */
    size_t limits_size;
} pven_snapshot_graph_opts;

/** A volume of a listing: a logical volume of the group, or a file of the folder. */
typedef struct pven_volume {
    /** Its name in the volume group or folder. Must be given. */
    const char *name;
    /**
     * Where it can be read. It need not be there: a logical volume that is not active has no device.
     * Must be given.
     */
    const char *path;
    /** Bytes of the volume or file. 0: not known. */
    uint64_t size;
    /** LVM's tags. NULL: none. */
    const char *const *tags;
    /** How many there are. */
    size_t tag_count;
    /**
     * 1: its device is suspended, so that who reads it waits until somebody resumes it. It is not
     * opened, and counts as not active.
     */
    uint8_t suspended;
    /** Zero. */
    uint8_t reserved[7];
} pven_volume;

/** An image of a snapshot graph. Strings live as long as the graph. */
typedef struct pven_graph_image {
    /** Its name in the volume group or folder, as bytes. */
    const char *name;
    /** The path it was read from, or could not be, as bytes. */
    const char *path;
    /**
     * What it is to the volume: "current", "snapshot", "bottom" (the raw image of an adopted volume),
     * "overlay" (what was written after a snapshot, in the layout of 2024), "foreign" (no image of
     * this volume). Static: never freed.
     */
    const char *role;
    /** Name of the snapshot; NULL if it is of none. */
    const char *snapshot;
    /**
     * Where it stands: "line" (from the current image down), "branch" (leads to the line), "unlinked"
     * (does not), "cycle" (stands on itself). Static: never freed.
     */
    const char *place;
    /**
     * What could be read of it: "read", "inactive" (listed, but cannot be found), "missing" (only
     * another image names it), "unread" (error_code says why not). Static: never freed.
     */
    const char *content;
    /** QEMU's name of its format. NULL if it could not be read. Static: never freed. */
    const char *format;
    /** Why it could not be read; NULL if that is not what content says. */
    const char *error_message;
    /** Bytes of the disk that the guest sees. 0 if it could not be read. */
    uint64_t virtual_size;
    /** Bytes of storage that it takes. 0 for block devices. */
    uint64_t actual_size;
    /** Bytes of the volume or file as the listing says. 0: not known. */
    uint64_t size;
    /** Index of the image that it stands on. PVEN_NO_INDEX: on none. */
    int64_t parent;
    /** PVEN_STANDING_*. */
    uint32_t standing;
    /** PVEN_FORMAT_*. */
    uint32_t format_number;
    /** PVEN_ERR_*, or PVEN_OK. */
    int32_t error_code;
    /** 1 if the listing has it. */
    uint8_t listed;
    /** Zero. */
    uint8_t reserved[3];
} pven_graph_image;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The PVEN_ABI_VERSION of the library that runs. A program built with a header of version N works
 * with libraries that answer N or more.
 *
 * Thread-safe.
 */
uint32_t pven_abi_version(void);

/**
 * The version of the project, such as "0.1.0". Static: never freed.
 *
 * Thread-safe.
 */
const char *pven_version(void);

/**
 * Frees an error. NULL is allowed.
 *
 * Thread-safe; each error is freed once.
 */
void pven_error_free(pven_error *e);

/**
 * The PVEN_ERR_* code of an error; the function that failed returned it too. PVEN_OK for NULL.
 *
 * Thread-safe.
 */
int32_t pven_error_code(const pven_error *e);

/**
 * The errno that tells the failure best: the system's own for PVEN_ERR_IO, a fixed one for each
 * of the other codes. 0 for NULL.
 *
 * Thread-safe.
 */
int32_t pven_error_errno(const pven_error *e);

/**
 * One line for people, UTF-8, without control characters. Its wording is not part of the ABI.
 * Lives as long as the error. NULL for NULL.
 *
 * Thread-safe.
 */
const char *pven_error_message(const pven_error *e);

/**
 * The file in which it happened, as bytes; NULL if it happened in none. Lives as long as the
 * error.
 *
 * Thread-safe.
 */
const char *pven_error_path(const pven_error *e);

/**
 * Where in that file the field lies that is to blame: bytes from its start. PVEN_NO_OFFSET if
 * there is none.
 *
 * Thread-safe.
 */
uint64_t pven_error_offset(const pven_error *e);

/**
 * The word for a code, the same as in JSON answers: "argument", "io" and so on; "ok" for PVEN_OK,
 * NULL for a number that is no code. Static: never freed.
 *
 * Thread-safe.
 */
const char *pven_error_code_name(int32_t code);

/**
 * Frees a string that this library handed out. NULL is allowed.
 *
 * Thread-safe; each string is freed once.
 */
void pven_string_free(char *s);

/**
 * QEMU's name for a PVEN_FORMAT_* number; NULL if it is none or PVEN_FORMAT_UNKNOWN. Static:
 * never freed.
 *
 * Thread-safe.
 */
const char *pven_format_name(uint32_t format);

/**
 * Reads the chain under the image at path, the top image first.
 *
 * A chain that is damaged below its top image is opened too: its last entry says what could not
 * be read and why (error_code in pven_image_info), unless opts asks for strict. An image that
 * cannot be read itself is an error.
 *
 * path: NUL-terminated bytes, as QEMU takes a file name; shorter than PATH_MAX.
 * opts, opts_size: a pven_open_opts and its size; NULL means all defaults.
 * Thread-safe.
 */
int32_t pven_chain_open(const char *path,
                        const pven_open_opts *opts,
                        size_t opts_size,
                        pven_chain **out,
                        pven_error **err);

/**
 * Frees a chain and all strings it lent. NULL is allowed.
 *
 * One thread, when no other uses the chain any more.
 */
void pven_chain_free(pven_chain *c);

/**
 * Entries of a chain, the one that says where it is broken included. 0 for NULL.
 *
 * Many threads may use one chain.
 */
size_t pven_chain_len(const pven_chain *c);

/**
 * The whole chain as JSON: what qemu-img info --output=json --backing-chain prints. Where the
 * chain is broken the array ends with { "filename", "error": { "code", "message" } }.
 *
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Many threads may use one chain.
 */
int32_t pven_chain_json(const pven_chain *c,
                        char **json,
                        size_t *len,
                        pven_error **err);

/**
 * One entry of a chain; the top image has index 0.
 *
 * out, out_size: a pven_image_info and its size. As much of it as both sides know is filled, the
 * rest is zero. An index that is not below pven_chain_len() is PVEN_ERR_ARGUMENT.
 * Many threads may use one chain.
 */
int32_t pven_chain_image(const pven_chain *c,
                         size_t index,
                         pven_image_info *out,
                         size_t out_size,
                         pven_error **err);

/**
 * One internal snapshot of an image, in the order of the image's table.
 *
 * image: index of the image in the chain. index: below snapshots in its pven_image_info.
 * out, out_size: a pven_snapshot and its size.
 * Many threads may use one chain.
 */
int32_t pven_chain_image_snapshot(const pven_chain *c,
                                  size_t image,
                                  size_t index,
                                  pven_snapshot *out,
                                  size_t out_size,
                                  pven_error **err);

/**
 * One persistent bitmap of an image.
 *
 * image: index of the image in the chain. index: below bitmaps in its pven_image_info.
 * out, out_size: a pven_bitmap and its size.
 * Many threads may use one chain.
 */
int32_t pven_chain_image_bitmap(const pven_chain *c,
                                size_t image,
                                size_t index,
                                pven_bitmap *out,
                                size_t out_size,
                                pven_error **err);

/**
 * One entry of an image's feature name table.
 *
 * image: index of the image in the chain. index: below feature_names in its pven_image_info.
 * out, out_size: a pven_feature_name and its size.
 * Many threads may use one chain.
 */
int32_t pven_chain_image_feature_name(const pven_chain *c,
                                      size_t image,
                                      size_t index,
                                      pven_feature_name *out,
                                      size_t out_size,
                                      pven_error **err);

/**
 * One further file that holds data of an image.
 *
 * image: index of the image in the chain. index: below extents in its pven_image_info.
 * out, out_size: a pven_extent_file and its size.
 * Many threads may use one chain.
 */
int32_t pven_chain_image_extent(const pven_chain *c,
                                size_t image,
                                size_t index,
                                pven_extent_file *out,
                                size_t out_size,
                                pven_error **err);

/**
 * One sentence that the reader of an image is to be warned with. UTF-8, for people; it lives as
 * long as the chain.
 *
 * image: index of the image in the chain. index: below warnings in its pven_image_info.
 * Many threads may use one chain.
 */
int32_t pven_chain_image_warning(const pven_chain *c,
                                 size_t image,
                                 size_t index,
                                 const char **out,
                                 pven_error **err);

/**
 * Audits the chain under the image at path.
 *
 * That an image is hostile, damaged or forbidden is what an audit finds, and no error. It is an
 * error that the image at path itself is not there, that the policy contradicts itself, or that
 * storage does not answer in time.
 *
 * path: as for pven_chain_open().
 * policy, policy_size: a pven_policy and its size; NULL means all defaults.
 * Thread-safe.
 */
int32_t pven_audit_open(const char *path,
                        const pven_policy *policy,
                        size_t policy_size,
                        pven_audit **out,
                        pven_error **err);

/**
 * Frees an audit, its chain, and all strings that they lent. NULL is allowed.
 *
 * One thread, when no other uses the audit any more.
 */
void pven_audit_free(pven_audit *a);

/**
 * 1 if the chain may be used under the policy: nothing was found that is an error. Else 0, and for
 * NULL.
 *
 * Many threads may use one audit.
 */
int32_t pven_audit_safe(const pven_audit *a);

/**
 * Number of findings. 0 for NULL.
 *
 * Many threads may use one audit.
 */
size_t pven_audit_len(const pven_audit *a);

/**
 * One finding, in the order of the chain.
 *
 * index: below pven_audit_len(). out, out_size: a pven_finding and its size. As much of it as both
 * sides know is filled, the rest is zero.
 * Many threads may use one audit.
 */
int32_t pven_audit_finding(const pven_audit *a,
                           size_t index,
                           pven_finding *out,
                           size_t out_size,
                           pven_error **err);

/**
 * The images that were read, and where that ended if it ended early. It belongs to the audit: it
 * lives as long, and is not freed by itself. NULL for NULL.
 *
 * Many threads may use one audit.
 */
const pven_chain *pven_audit_chain(const pven_audit *a);

/**
 * The same in one call, as JSON: { "safe", "chain", "findings" }, the chain as from
 * pven_chain_json(), each finding { "code", "severity", "image", "offset", "message" }, without
 * offset if no one place is to blame. PVEN_OK also if the chain is not safe.
 *
 * path, policy, policy_size: as for pven_audit_open().
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Thread-safe.
 */
int32_t pven_audit_json(const char *path,
                        const pven_policy *policy,
                        size_t policy_size,
                        char **json,
                        size_t *len,
                        pven_error **err);

/**
 * PVEN_OK if the chain under the image at path may be used. If not, the first finding that forbids
 * it is the error, with the code PVEN_ERR_DENIED.
 *
 * path, policy, policy_size: as for pven_audit_open().
 * Thread-safe.
 */
int32_t pven_audit_check(const char *path,
                         const pven_policy *policy,
                         size_t policy_size,
                         pven_error **err);

/**
 * Audits the chain under the image at path and keeps it open. If it may not be used, the first
 * finding that forbids it is the error, with the code PVEN_ERR_DENIED.
 *
 * path, policy, policy_size: as for pven_audit_open().
 * Thread-safe.
 */
int32_t pven_pin_open(const char *path,
                      const pven_policy *policy,
                      size_t policy_size,
                      pven_pin **out,
                      pven_error **err);

/**
 * Closes the files. NULL is allowed. QEMU does not find them any more under names that it has not
 * opened yet.
 *
 * One thread, when no other uses the pin any more.
 */
void pven_pin_free(pven_pin *p);

/**
 * What was found in the chain before it was pinned; none of it forbids its use. It belongs to the
 * pin: it lives as long, and is not freed by itself. NULL for NULL.
 *
 * Many threads may use one pin.
 */
const pven_audit *pven_pin_audit(const pven_pin *p);

/**
 * The open descriptors: of the top image first, and that of each data file behind its image's. They
 * belong to the pin, are open for reading only, and close on exec.
 *
 * out, capacity: a place for so many descriptors, at least as many as there are; NULL and 0 to
 * learn the number alone.
 * count: how many there are.
 * Many threads may use one pin.
 */
int32_t pven_pin_fds(const pven_pin *p,
                     int *out,
                     size_t capacity,
                     size_t *count,
                     pven_error **err);

/**
 * What stands for the image where qemu-img wants a file name: "json:" and a description of the
 * whole chain. It holds as long as this process lives and keeps the pin; after a fork, the child
 * asks for its own.
 *
 * qemu-img needs the permission to open files under /proc/PID/fd: the same user, or root.
 *
 * arg: the text, NUL-terminated; free it with pven_string_free().
 * Many threads may use one pin.
 */
int32_t pven_pin_qemu_img_arg(const pven_pin *p, char **arg, pven_error **err);

/**
 * The chain as block nodes, a JSON array: each for one --blockdev of qemu-storage-daemon or one
 * blockdev-add of QMP, in this order. The last one is the top image. All are read-only.
 *
 * prefix: how the nodes' names begin; a letter first, then letters, digits, - . and _, 16 at the
 * most. NULL: "pin".
 * first_set: number of the descriptor set of the top image, for a system emulator that was given
 * the descriptors as pven_pin_add_fd_arg() says. PVEN_NO_SETS: the files are named as for
 * qemu-img.
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Many threads may use one pin.
 */
int32_t pven_pin_blockdev_json(const pven_pin *p,
                               const char *prefix,
                               int64_t first_set,
                               char **json,
                               size_t *len,
                               pven_error **err);

/**
 * The argument that comes after one -add-fd of a system emulator, "fd=N,set=S"; one for each of
 * the descriptors of pven_pin_fds(). The emulator must inherit them under their numbers: clear
 * FD_CLOEXEC in the child, between fork and exec.
 *
 * index: which descriptor. first_set: number of the set of the first one, from 0 on.
 * arg: the text, NUL-terminated; free it with pven_string_free().
 * Many threads may use one pin.
 */
int32_t pven_pin_add_fd_arg(const pven_pin *p,
                            size_t index,
                            int64_t first_set,
                            char **arg,
                            pven_error **err);

/**
 * One image as JSON: what qemu-img info --output=json prints. Nothing that the image names is
 * opened, but for the extents of a vmdk image.
 *
 * path, opts, opts_size: as for pven_chain_open(); what only concerns chains must be zero.
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Thread-safe.
 */
int32_t pven_image_info_json(const char *path,
                             const pven_open_opts *opts,
                             size_t opts_size,
                             char **json,
                             size_t *len,
                             pven_error **err);

/**
 * Many images as one JSON array in the order of paths: for each what pven_image_info_json()
 * gives, or { "filename", "error": { "code", "message" } }. One slow or broken image delays no
 * other. The extension of a name decides on its format.
 *
 * paths, count: the names, each as for pven_chain_open(); at most PVEN_MANY_MAX.
 * opts, opts_size: a pven_many_opts and its size; NULL means all defaults.
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Thread-safe. May use threads of its own; they have ended when it returns.
 */
int32_t pven_inspect_many_json(const char *const *paths,
                               size_t count,
                               const pven_many_opts *opts,
                               size_t opts_size,
                               char **json,
                               size_t *len,
                               pven_error **err);

/**
 * The text that qemu-img info --output=json prints for a file: an object, or an array with
 * backing_chain. As there, backing images whose format is not recorded are probed, and a chain
 * that is not whole is an error.
 *
 * path: as for pven_chain_open().
 * opts, opts_size: a pven_qemu_img_info_opts and its size; NULL means all defaults.
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Thread-safe.
 */
int32_t pven_qemu_img_info_json(const char *path,
                                const pven_qemu_img_info_opts *opts,
                                size_t opts_size,
                                char **json,
                                size_t *len,
                                pven_error **err);

/**
 * Opens the chain under the image at path to tell which image serves which part of the disk, as
 * qemu-img map does. Reads no tables yet. A chain that is not whole is an error.
 *
 * path: as for pven_chain_open().
 * opts, opts_size: a pven_open_opts and its size; NULL means all defaults. Its timeout is for this
 * call, and anew for each pven_extents_next().
 * Thread-safe.
 */
int32_t pven_extents_open(const char *path,
                          const pven_open_opts *opts,
                          size_t opts_size,
                          pven_extents **out,
                          pven_error **err);

/**
 * Frees the extents, and closes the files. NULL is allowed.
 *
 * One thread, when no other uses the extents or the chain that they lent any more.
 */
void pven_extents_free(pven_extents *e);

/**
 * The next extents. They follow each other without a gap, and two that adjoin differ, whatever the
 * capacity: calls with the same array can walk any disk in little memory.
 *
 * What was found before an error is given first; the error then comes with each further call.
 *
 * out, capacity: an array with room for so many, at least one. What was in it before does not
 * matter; what lies behind the first count of them is not touched.
 * count: how many there are; 0 if the disk has no more.
 * One thread at a time, not always the same; no other may use the extents meanwhile.
 */
int32_t pven_extents_next(pven_extents *e,
                          pven_extent *out,
                          size_t capacity,
                          size_t *count,
                          pven_error **err);

/**
 * How far it is: bytes of the disk that the extents given so far reach over, about, and how many
 * the disk has. Each of the two may be NULL.
 *
 * Many threads may use the extents, but none pven_extents_next() meanwhile.
 */
void pven_extents_progress(const pven_extents *e, uint64_t *done, uint64_t *total);

/**
 * The images, the top one first: the depth of an extent is an index. It belongs to the extents: it
 * lives as long, and is not freed by itself. NULL for NULL.
 *
 * Many threads may use the extents, but none pven_extents_next() meanwhile; the chain that was lent
 * may be used at any time.
 */
const pven_chain *pven_extents_chain(const pven_extents *e);

/**
 * All extents as JSON: what qemu-img map --output=json prints. A text of more than 512 MiB, as
 * there can be for a disk in millions of pieces, is PVEN_ERR_LIMIT: take pven_extents_next() then.
 *
 * path, opts, opts_size: as for pven_extents_open(), the timeout for all of it.
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Thread-safe.
 */
int32_t pven_extents_json(const char *path,
                          const pven_open_opts *opts,
                          size_t opts_size,
                          char **json,
                          size_t *len,
                          pven_error **err);

/**
 * Size, format, use and parent of a volume, by the rules of Proxmox VE's file_size_info. A
 * trusted volume that is not there is no error: known is 0 then.
 *
 * path: as for pven_chain_open().
 * opts, opts_size: a pven_file_size_opts and its size; NULL means all defaults.
 * out, out_size: a pven_file_size_info and its size. As much of it as both sides know is filled,
 * the rest is zero.
 * Thread-safe.
 */
int32_t pven_file_size(const char *path,
                       const pven_file_size_opts *opts,
                       size_t opts_size,
                       pven_file_size_info *out,
                       size_t out_size,
                       pven_error **err);

/**
 * Checks an image without changing it, as qemu-img check does: every reference is counted and
 * compared with the refcounts. Memory is a byte for each cluster in use. PVEN_OK also if much is
 * wrong with it; PVEN_ERR_UNSUPPORTED for formats that have no check.
 *
 * path: as for pven_chain_open().
 * opts, opts_size: a pven_work_opts and its size; NULL means all defaults. What only concerns chains
 * must be zero.
 * out, out_size: a pven_check_result and its size. As much of it as both sides know is filled, the
 * rest is zero.
 * Thread-safe.
 */
int32_t pven_check(const char *path,
                   const pven_work_opts *opts,
                   size_t opts_size,
                   pven_check_result *out,
                   size_t out_size,
                   pven_error **err);

/**
 * The same as JSON: what qemu-img check --output=json prints, and "findings", each { "code",
 * "offset", "message" }; of more than a thousand the first.
 *
 * path, opts, opts_size: as for pven_check().
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Thread-safe.
 */
int32_t pven_check_json(const char *path,
                        const pven_work_opts *opts,
                        size_t opts_size,
                        char **json,
                        size_t *len,
                        pven_error **err);

/**
 * The parts of the disk that were written in the images above base in the chain under top: outside
 * of them top reads as base does, or as zeros where base has ended.
 *
 * top, base: as for pven_chain_open(); base must be in the chain, by whatever name.
 * opts, opts_size: a pven_work_opts and its size; NULL means all defaults.
 * More of them than max_ranges of the limits are PVEN_ERR_LIMIT.
 * Thread-safe.
 */
int32_t pven_changed_extents(const char *top,
                             const char *base,
                             const pven_work_opts *opts,
                             size_t opts_size,
                             pven_ranges **out,
                             pven_error **err);

/**
 * The dirty parts of a disk as a persistent bitmap of its qcow2 image says.
 *
 * path: as for pven_chain_open().
 * bitmap: the name of the bitmap, bytes that end with a NUL.
 * opts, opts_size: a pven_work_opts and its size; NULL means all defaults. What only concerns chains
 * must be zero, the format qcow2 or NULL.
 * More of them than max_ranges of the limits are PVEN_ERR_LIMIT.
 * Thread-safe.
 */
int32_t pven_bitmap_extents(const char *path,
                            const char *bitmap,
                            const pven_work_opts *opts,
                            size_t opts_size,
                            pven_ranges **out,
                            pven_error **err);

/**
 * Frees ranges. NULL is allowed.
 *
 * One thread, when no other uses them any more.
 */
void pven_ranges_free(pven_ranges *r);

/**
 * How many ranges there are. 0 for NULL.
 *
 * Many threads may use them.
 */
size_t pven_ranges_len(const pven_ranges *r);

/**
 * The ranges: an array of pven_ranges_len(), which lives as long as the handle. NULL for NULL and
 * if there are none.
 *
 * Many threads may use them.
 */
const pven_range *pven_ranges_data(const pven_ranges *r);

/**
 * The ranges as JSON: [[start, length], ...].
 *
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Many threads may use them.
 */
int32_t pven_ranges_json(const pven_ranges *r,
                         char **json,
                         size_t *len,
                         pven_error **err);

/**
 * What an image of this format, made with these options, takes for a new disk.
 *
 * size: bytes of the disk.
 * format: "raw", "qcow2" and what else qemu-img measure knows.
 * options, count: such as "cluster_size=128k", as for -o of qemu-img create; at most
 * PVEN_OPTIONS_MAX. NULL if there are none.
 * out, out_size: a pven_measure and its size. As much of it as both sides know is filled, the rest is
 * zero.
 * Thread-safe. Touches no storage.
 */
int32_t pven_measure_size(uint64_t size,
                          const char *format,
                          const char *const *options,
                          size_t count,
                          pven_measure *out,
                          size_t out_size,
                          pven_error **err);

/**
 * The same for what the chain under the image at path holds.
 *
 * path: as for pven_chain_open().
 * format, options, count: of the new image, as for pven_measure_size().
 * opts, opts_size: a pven_work_opts and its size, with the format of the image at path; NULL means
 * all defaults.
 * out, out_size: as for pven_measure_size().
 * Thread-safe.
 */
int32_t pven_measure_image(const char *path,
                           const char *format,
                           const char *const *options,
                           size_t count,
                           const pven_work_opts *opts,
                           size_t opts_size,
                           pven_measure *out,
                           size_t out_size,
                           pven_error **err);

/**
 * The text that qemu-img measure --output=json prints for a new disk.
 *
 * size_kib: the size in KiB, as text.
 * format, options, count: as for pven_measure_size().
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Thread-safe. Touches no storage.
 */
int32_t pven_qemu_img_measure_json(const char *size_kib,
                                   const char *format,
                                   const char *const *options,
                                   size_t count,
                                   char **json,
                                   size_t *len,
                                   pven_error **err);

/**
 * How far an image reaches into its device, and how far it could once the guest has written all of
 * the disk: so a volume that is too small is seen before the guest is hurt. Raw and qcow2.
 *
 * path: as for pven_chain_open().
 * device_size: bytes of the device that the image is meant for; 0 takes the size of the block device
 * that it is on.
 * opts, opts_size: a pven_work_opts and its size; NULL means all defaults. What only concerns chains
 * must be zero.
 * out, out_size: a pven_headroom and its size. As much of it as both sides know is filled, the rest
 * is zero.
 * Thread-safe.
 */
int32_t pven_image_headroom(const char *path,
                            uint64_t device_size,
                            const pven_work_opts *opts,
                            size_t opts_size,
                            pven_headroom *out,
                            size_t out_size,
                            pven_error **err);

/**
 * What merging each image of the chain under top with the one below it would move, the top pair
 * first, as JSON: [{ "image", "backing", "commit-cost", "stream-cost" }, ...], each cost { "data",
 * "zero" } in bytes of the disk. Committing moves what the upper image holds down into the lower
 * one; streaming (qemu-img rebase) moves what only the lower one holds up.
 *
 * top: as for pven_chain_open().
 * opts, opts_size: a pven_work_opts and its size; NULL means all defaults.
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Thread-safe.
 */
int32_t pven_merge_costs_json(const char *top,
                              const pven_work_opts *opts,
                              size_t opts_size,
                              char **json,
                              size_t *len,
                              pven_error **err);

/**
 * What may be assumed of volumes of one format on storages of one type, as JSON: an object for one
 * volume; without a format one for the type, with all its volumes; without a type an array of all
 * types. docs/storage.md has the keys.
 *
 * type: as storage.cfg calls it, such as "lvmthin". NULL: all types.
 * format: "raw", "qcow2", "vmdk" or "subvol". NULL: all that such a storage has.
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Thread-safe. Touches no storage.
 */
int32_t pven_storage_capabilities_json(const char *type,
                                       const char *format,
                                       char **json,
                                       size_t *len,
                                       pven_error **err);

/**
 * The names of all storage types, as a JSON array.
 *
 * json, len: as for pven_storage_capabilities_json().
 * Thread-safe. Touches no storage.
 */
int32_t pven_storage_types_json(char **json, size_t *len, pven_error **err);

/**
 * What storages can be used for, as JSON: [{ "content-type", "description" }, ...].
 *
 * json, len: as for pven_storage_capabilities_json().
 * Thread-safe. Touches no storage.
 */
int32_t pven_storage_content_types_json(char **json, size_t *len, pven_error **err);

/**
 * What a node broadcasts of its multipath maps, made of what multipathd says of them. The longest form
 * that fits is chosen: JSON as Proxmox VE's own code reads it, JSON with short keys, or that compressed,
 * which begins with "z2:". Where none has room for all maps the worst are kept, and how many are missing
 * is said in it. docs/cluster-status.md has the forms.
 *
 * reply, reply_len: what "multipathd show maps json" or "show map NAME json" wrote.
 * opts, opts_len: a JSON object, UTF-8: { "sizes": { WWID or name: bytes }, "transports": { name: word },
 * or the text that "multipathd show paths raw format '%d|%m|%P'" wrote, "sysfs": folder from whose
 * block/ sizes are read that are not given, "limit": bytes (32767), "time": seconds since 1970, "seq":
 * number }, all of them optional; one without a time is taken for an old one. NULL and 0: none.
 * payload, len: the bytes, NUL-terminated, and their number without the NUL, which is not above the
 * limit; no other NUL is among them. Free it with pven_string_free().
 * PVEN_ERR_CORRUPT: that is no whole reply of multipathd. PVEN_ERR_ARGUMENT also if the limit has no
 * room for anything.
 * Thread-safe.
 */
int32_t pven_cluster_summarize(const char *reply,
                               size_t reply_len,
                               const char *opts,
                               size_t opts_len,
                               char **payload,
                               size_t *len,
                               pven_error **err);

/**
 * The state of each LUN of the cluster, as JSON: { "luns": [...], "nodes": {...}, "findings": [...] }, from what
 * the nodes have broadcast. docs/cluster-status.md has the keys. Compat mode has no findings.
 *
 * nodes, raw, raw_len, count: the names of the nodes, NUL-terminated UTF-8, and the broadcast of each, in any
 * form and with anything in it, with the number of its bytes; of a NULL the node has broadcast nothing.
 * All three may be NULL if count is 0.
 * opts, opts_len: a JSON object, UTF-8: { "mode": "strict" (that is it if nothing is said) or "compat",
 * "now": seconds since 1970, "allow": [WWID, ...], "aliases": { WWID: name }, "used-by": { WWID: storages },
 * "members": { node: { "online": 0 or 1 } } or null, "expected": { WWID: [node, ...] }, "expected-nodes":
 * [node, ...], "apply": { node: broadcast }, "stale-seconds", "skew-seconds" }, all of them optional. NULL and
 * 0: none.
 * json, len: as for pven_storage_capabilities_json().
 * PVEN_ERR_ARGUMENT only of options and names: in strict mode a broadcast that is not understood harms
 * nobody else. In compat mode also of an entry that is no object.
 * Thread-safe. Touches no storage.
 */
int32_t pven_cluster_status_json(const char *const *nodes,
                                 const char *const *raw,
                                 const size_t *raw_len,
                                 size_t count,
                                 const char *opts,
                                 size_t opts_len,
                                 char **json,
                                 size_t *len,
                                 pven_error **err);

/**
 * The same for a question that is one document: the options, and under "nodes" the broadcasts by node, as
 * strings, or decoded.
 *
 * document, document_len: a JSON object, UTF-8.
 * json, len: as for pven_storage_capabilities_json().
 * PVEN_ERR_ARGUMENT: as for pven_cluster_status_json(), and of what is no such document.
 * Thread-safe. Touches no storage.
 */
int32_t pven_cluster_status_document_json(const char *document,
                                          size_t document_len,
                                          char **json,
                                          size_t *len,
                                          pven_error **err);

/**
 * An engine of a cluster of which nothing is known yet.
 *
 * opts, opts_len: a JSON object, UTF-8: { "mode", "stale-seconds", "skew-seconds" }, as for
 * pven_cluster_status_json(). NULL and 0: none.
 * Thread-safe.
 */
int32_t pven_cluster_engine_new(const char *opts,
                                size_t opts_len,
                                pven_cluster_engine **out,
                                pven_error **err);

/** Frees an engine. NULL is allowed. */
void pven_cluster_engine_free(pven_cluster_engine *e);

/**
 * What a node has broadcast last, at the time now. What is not understood is no error, and harms no other
 * node. A broadcast that takes the place of another one was seen to come, so that its age does not
 * depend on the node's clock.
 *
 * node: NUL-terminated UTF-8.
 * raw, raw_len: the broadcast, in any form and with anything in it. NULL: the node has broadcast nothing,
 * or not any more.
 * PVEN_ERR_ARGUMENT: now is no time. PVEN_ERR_LIMIT: there are too many nodes. What was known before is
 * known then, too.
 */
int32_t pven_cluster_engine_update(pven_cluster_engine *e,
                                   const char *node,
                                   const char *raw,
                                   size_t raw_len,
                                   double now,
                                   pven_error **err);

/**
 * One map of a node is like that at the time now, or gone: as if the node had broadcast anew all that it
 * said last, with this one changed.
 *
 * node, wwid: NUL-terminated UTF-8.
 * map, map_size: a pven_cluster_map and its size; NULL: the map is gone.
 * Errors as for pven_cluster_engine_update().
 */
int32_t pven_cluster_engine_update_map(pven_cluster_engine *e,
                                       const char *node,
                                       const char *wwid,
                                       const pven_cluster_map *map,
                                       size_t map_size,
                                       double now,
                                       pven_error **err);

/**
 * Who is there.
 *
 * members, members_len: a JSON object, UTF-8: { node: 1 or 0 }, or { node: { "online": 1 or 0 } }. Who is not
 * in it is not there. NULL and 0, null or empty: there is no cluster, and every node is there.
 */
int32_t pven_cluster_engine_set_members_json(pven_cluster_engine *e,
                                             const char *members,
                                             size_t members_len,
                                             pven_error **err);

/**
 * What the cluster is configured to have.
 *
 * config, config_len: a JSON object, UTF-8: { "allow", "aliases", "used-by", "expected", "expected-nodes" } as for
 * pven_cluster_status_json(). What is not in it is not configured. NULL and 0: nothing is.
 */
int32_t pven_cluster_engine_set_config_json(pven_cluster_engine *e,
                                            const char *config,
                                            size_t config_len,
                                            pven_error **err);

/** It is that time now. pven_cluster_engine_update() does this, too. */
int32_t pven_cluster_engine_advance(pven_cluster_engine *e,
                                    double now,
                                    pven_error **err);

/**
 * The next time at which something changes that nobody tells of: a broadcast grows stale, or a finding is
 * not muted any more. 0 if there is none; also for NULL.
 */
double pven_cluster_engine_next_deadline(const pven_cluster_engine *e);

/**
 * The whole answer, as pven_cluster_status_json() gives it.
 *
 * json, len: as for pven_storage_capabilities_json().
 */
int32_t pven_cluster_engine_status_json(pven_cluster_engine *e,
                                        char **json,
                                        size_t *len,
                                        pven_error **err);

/**
 * All LUNs in the order of their WWIDs: the "luns" of the whole answer.
 *
 * json, len: as for pven_storage_capabilities_json().
 */
int32_t pven_cluster_engine_rows_json(pven_cluster_engine *e,
                                      char **json,
                                      size_t *len,
                                      pven_error **err);

/**
 * What there is to say of each node, by name: the "nodes" of the whole answer.
 *
 * json, len: as for pven_storage_capabilities_json().
 */
int32_t pven_cluster_engine_nodes_json(pven_cluster_engine *e,
                                       char **json,
                                       size_t *len,
                                       pven_error **err);

/**
 * What has changed since an answer of this function: { "cursor": text, "full": boolean, "rows": [...],
 * "removed": [WWID, ...], "events": [...], "passed-over": number }. docs/cluster-status.md has the keys.
 *
 * cursor: that of the answer. NULL, one of another engine or process, and one that is too old: all rows are
 * new ("full").
 * json, len: as for pven_storage_capabilities_json().
 */
int32_t pven_cluster_engine_changes_json(pven_cluster_engine *e,
                                         const char *cursor,
                                         char **json,
                                         size_t *len,
                                         pven_error **err);

/**
 * What there is to say of LUNs and nodes, the worst first: the "findings" of the whole answer, each with
 * "muted".
 *
 * json, len: as for pven_storage_capabilities_json().
 */
int32_t pven_cluster_engine_findings_json(pven_cluster_engine *e,
                                          char **json,
                                          size_t *len,
                                          pven_error **err);

/**
 * Findings are known, and are muted from now on, as long as they do not get worse: more severe, or more
 * LUNs, nodes or paths than there are now. That is seen whenever findings are asked for.
 *
 * code: that of the findings. subject: what they are about; NULL: whatever it is.
 * until: the time up to which they are muted; 0: for good.
 * PVEN_ERR_ARGUMENT: there are no such findings, or the time is over. PVEN_ERR_LIMIT: there are too many
 * mutes.
 */
int32_t pven_cluster_engine_mute(pven_cluster_engine *e,
                                 const char *code,
                                 const char *subject,
                                 double until,
                                 pven_error **err);

/**
 * Findings are to be told again.
 *
 * code, subject: as they were muted.
 * was: 1 if they were muted, 0 if not. NULL is allowed.
 */
int32_t pven_cluster_engine_unmute(pven_cluster_engine *e,
                                   const char *code,
                                   const char *subject,
                                   uint8_t *was,
                                   pven_error **err);

/**
 * A scheduler without nodes.
 *
 * opts, opts_size: a pven_scheduler_opts and its size; NULL: all defaults.
 * Thread-safe.
 */
int32_t pven_scheduler_new(const pven_scheduler_opts *opts,
                           size_t opts_size,
                           pven_scheduler **out,
                           pven_error **err);

/** Frees a scheduler. NULL is allowed. */
void pven_scheduler_free(pven_scheduler *s);

/**
 * Adds a node. PVEN_ERR_ARGUMENT: there is one of that name.
 *
 * stats, stats_size: a pven_node_stats and its size. In the dynamic mode guests that run are in what it uses.
 */
int32_t pven_scheduler_add_node(pven_scheduler *s,
                                const char *node,
                                const pven_node_stats *stats,
                                size_t stats_size,
                                pven_error **err);

/** Removes a node, and the guests that are on it alone. One that is not there is no error. */
int32_t pven_scheduler_remove_node(pven_scheduler *s,
                                   const char *node,
                                   pven_error **err);

/** How many nodes there are. 0 for NULL. */
size_t pven_scheduler_node_count(const pven_scheduler *s);

/**
 * The names of all nodes in their order, as a JSON array.
 *
 * json, len: as for pven_storage_capabilities_json().
 */
int32_t pven_scheduler_nodes_json(const pven_scheduler *s,
                                  char **json,
                                  size_t *len,
                                  pven_error **err);

/**
 * Whether there is a node of this name.
 *
 * is: 1 or 0.
 */
int32_t pven_scheduler_contains_node(const pven_scheduler *s,
                                     const char *node,
                                     uint8_t *is,
                                     pven_error **err);

/**
 * Adds a guest to its nodes. PVEN_ERR_ARGUMENT: it is there already, or its nodes are not.
 *
 * guest, guest_size: a pven_guest and its size.
 */
int32_t pven_scheduler_add_guest(pven_scheduler *s,
                                 const char *sid,
                                 const pven_guest *guest,
                                 size_t guest_size,
                                 pven_error **err);

/**
 * Adds a guest that runs to a node. Of one that is on a node already this says that it is moving to this
 * one; its stats stay as they were. PVEN_ERR_ARGUMENT: it is moving or there already, or there is no such node.
 *
 * stats, stats_size: a pven_guest_stats and its size.
 */
int32_t pven_scheduler_add_guest_to_node(pven_scheduler *s,
                                         const char *node,
                                         const char *sid,
                                         const pven_guest_stats *stats,
                                         size_t stats_size,
                                         pven_error **err);

/** Removes a guest from all nodes. One that is not there is no error. */
int32_t pven_scheduler_remove_guest(pven_scheduler *s,
                                    const char *sid,
                                    pven_error **err);

/** How unevenly the nodes are loaded, from 0. 0 for NULL. */
double pven_scheduler_imbalance(const pven_scheduler *s);

/**
 * The best of the migrations that are possible, as a JSON array:
 * [{ "migration": { "sid", "source-node", "target-node" }, "imbalance" }, ...], best first, with the imbalance
 * that each would leave.
 *
 * candidates, candidates_len: a JSON array, UTF-8: [{ "leader": sid, "resources": [sid, ...], "nodes": [name, ...] }]:
 * guests that move together, the leader among them, and where to they could.
 * limit: how many are wanted at the most.
 * topsis: 0: by the imbalance; ties by guest, source and target. 1: by TOPSIS over CPU and memory apart; ties
 * in the order given.
 * json, len: as for pven_storage_capabilities_json().
 * PVEN_ERR_ARGUMENT: a guest is not known, is moving, or is not on the leader's node.
 */
int32_t pven_scheduler_best_migrations_json(const pven_scheduler *s,
                                            const char *candidates,
                                            size_t candidates_len,
                                            size_t limit,
                                            uint8_t topsis,
                                            char **json,
                                            size_t *len,
                                            pven_error **err);

/**
 * A score for starting a guest on each node, in the order of pven_scheduler_nodes_json(): from 0 to 1, more
 * is better; -1 for a node without cores or memory.
 *
 * stats, stats_size: a pven_guest_stats and its size.
 * scores, capacity: places for as many scores as there are nodes; fewer is PVEN_ERR_ARGUMENT.
 * count: how many were written. NULL is allowed.
 */
int32_t pven_scheduler_score_start(const pven_scheduler *s,
                                   const pven_guest_stats *stats,
                                   size_t stats_size,
                                   double *scores,
                                   size_t capacity,
                                   size_t *count,
                                   pven_error **err);

/**
 * Reads the graph of the chain under the image at path: what QEMU would see of its volume.
 *
 * path: as for pven_chain_open().
 * opts, opts_size: a pven_snapshot_graph_opts and its size.
 * Thread-safe.
 */
int32_t pven_snapshot_graph_open(const char *path,
                                 const pven_snapshot_graph_opts *opts,
                                 size_t opts_size,
                                 pven_snapshot_graph **out,
                                 pven_error **err);

/**
 * Reads the graph of all images of a volume in a listing of its volume group or folder, which may hold
 * other volumes' images as well. Without a volname all images in it must be of one volume.
 *
 * volumes, volume_size, count: an array of so many pven_volume, each of volume_size bytes: sizeof
 * pven_volume. At most PVEN_VOLUMES_MAX.
 * opts, opts_size: a pven_snapshot_graph_opts and its size.
 * PVEN_ERR_LIMIT if more than 10000 images are of this volume.
 * Thread-safe.
 */
int32_t pven_snapshot_graph_from_volumes(const pven_volume *volumes,
                                         size_t volume_size,
                                         size_t count,
                                         const pven_snapshot_graph_opts *opts,
                                         size_t opts_size,
                                         pven_snapshot_graph **out,
                                         pven_error **err);

/**
 * Frees a graph and all strings it lent. NULL is allowed.
 *
 * One thread, when no other uses the graph any more.
 */
void pven_snapshot_graph_free(pven_snapshot_graph *g);

/**
 * Images in a graph: those of the listing in the order of their names, then what they lead to; or
 * those of the chain from its top down. 0 for NULL.
 *
 * Many threads may use one graph.
 */
size_t pven_snapshot_graph_len(const pven_snapshot_graph *g);

/**
 * One image of a graph.
 *
 * index: below pven_snapshot_graph_len(). out, out_size: a pven_graph_image and its size. As much of
 * it as both sides know is filled, the rest is zero.
 * Many threads may use one graph.
 */
int32_t pven_snapshot_graph_image(const pven_snapshot_graph *g,
                                  size_t index,
                                  pven_graph_image *out,
                                  size_t out_size,
                                  pven_error **err);

/**
 * Index of the image that the guest writes to: the one on which no other stands. PVEN_NO_INDEX if it
 * cannot be told which one that is, and for NULL.
 *
 * Many threads may use one graph.
 */
int64_t pven_snapshot_graph_current(const pven_snapshot_graph *g);

/**
 * Number of findings. 0 for NULL.
 *
 * Many threads may use one graph.
 */
size_t pven_snapshot_graph_finding_count(const pven_snapshot_graph *g);

/**
 * One finding, in the order of the images. Its image is a name in the volume group or folder, its
 * offset PVEN_NO_OFFSET; docs/snapshots.md lists the codes.
 *
 * index: below pven_snapshot_graph_finding_count(). out, out_size: a pven_finding and its size. As
 * much of it as both sides know is filled, the rest is zero. Strings live as long as the graph.
 * Many threads may use one graph.
 */
int32_t pven_snapshot_graph_finding(const pven_snapshot_graph *g,
                                    size_t index,
                                    pven_finding *out,
                                    size_t out_size,
                                    pven_error **err);

/**
 * What Proxmox VE's volume_snapshot_info gives, as a JSON object: for each state from the current one
 * down { "order", "file", "volname", "volid", "virtual-size", "parent", "child" }, as far as they are
 * known; for snapshots within an image { "timestamp" }.
 *
 * json, len: the text, NUL-terminated, and its length without the NUL; free it with
 * pven_string_free().
 * Many threads may use one graph.
 */
int32_t pven_snapshot_graph_info_json(const pven_snapshot_graph *g,
                                      char **json,
                                      size_t *len,
                                      pven_error **err);

/**
 * The names of the snapshots, the oldest first, as a JSON array.
 *
 * json, len: as for pven_snapshot_graph_info_json().
 * Many threads may use one graph.
 */
int32_t pven_snapshot_graph_names_json(const pven_snapshot_graph *g,
                                       char **json,
                                       size_t *len,
                                       pven_error **err);

/**
 * The snapshots that a rollback to this one would lose, as a JSON array: the newer ones, the oldest
 * first, and then those on branches of images that would go. PVEN_ERR_ARGUMENT if the current state
 * has no such snapshot.
 *
 * snapshot: its name, NUL-terminated.
 * json, len: as for pven_snapshot_graph_info_json().
 * Many threads may use one graph.
 */
int32_t pven_snapshot_graph_blockers_json(const pven_snapshot_graph *g,
                                          const char *snapshot,
                                          char **json,
                                          size_t *len,
                                          pven_error **err);

/**
 * All of the graph as a JSON object: { "scheme", "volname", "layout", "current", "line", "snapshots",
 * "images", "findings" }. The images are those of pven_snapshot_graph_image(), current and line are
 * indices of them, snapshots is what pven_snapshot_graph_info_json() gives.
 *
 * json, len: as for pven_snapshot_graph_info_json().
 * Many threads may use one graph.
 */
int32_t pven_snapshot_graph_json(const pven_snapshot_graph *g,
                                 char **json,
                                 size_t *len,
                                 pven_error **err);

/**
 * The graph for a terminal, a line for each image.
 *
 * text: NUL-terminated; free it with pven_string_free().
 * Many threads may use one graph.
 */
int32_t pven_snapshot_graph_text(const pven_snapshot_graph *g,
                                 char **text,
                                 pven_error **err);

/**
 * The graph in the language of graphviz.
 *
 * text: NUL-terminated; free it with pven_string_free().
 * Many threads may use one graph.
 */
int32_t pven_snapshot_graph_dot(const pven_snapshot_graph *g,
                                char **text,
                                pven_error **err);

/**
 * What is to be done to a volume, step by step, in such an order that nothing is lost wherever it
 * ends, as a JSON object; nothing is done here. docs/snapshots.md has its keys. PVEN_ERR_ARGUMENT
 * also if the volume does not allow it, or is not in order.
 *
 * The graph must be from a listing. Images are read where that takes a look at what they hold.
 *
 * op: "create", "delete", "delete-many", "rollback", "resize", "rename", "create-base", "adopt",
 * "unadopt", "convert" or "free".
 * args, args_len: a JSON object, UTF-8: { "snapshot" or "snapshots", "size", "to", "online", "drive",
 * "extent-size", "free", "put-aside", "cluster-size", "extended-l2", "preallocation",
 * "bytes-per-second", "timeout" }, as far as the operation needs them. NULL and 0: none.
 * json, len: as for pven_snapshot_graph_info_json().
 * Many threads may use one graph.
 */
int32_t pven_snapshot_plan_json(const pven_snapshot_graph *g,
                                const char *op,
                                const char *args,
                                size_t args_len,
                                char **json,
                                size_t *len,
                                pven_error **err);

/**
 * The same for a terminal: the steps as commands that could be typed, and what they cost.
 *
 * op, args, args_len: as for pven_snapshot_plan_json().
 * text: NUL-terminated; free it with pven_string_free().
 * Many threads may use one graph.
 */
int32_t pven_snapshot_plan_text(const pven_snapshot_graph *g,
                                const char *op,
                                const char *args,
                                size_t args_len,
                                char **text,
                                pven_error **err);

/**
 * What is wrong with a volume, the most urgent first, and what helps, as a JSON array of { "code",
 * "severity", "volume", "message", "plan", "certain" }. A plan is as pven_snapshot_plan_json() gives
 * it; certain says whether it is certain to be right. It is for the volume as it is now: after it has
 * been carried out, another diagnosis tells what comes next.
 *
 * The graph must be from a listing, and the guest be stopped, on all nodes.
 *
 * opts, opts_len: a JSON object, UTF-8: { "check", whether the tables of the images are checked, too
 * (default: true), "timeout" }, and of the arguments of pven_snapshot_plan_json() those that are not
 * about one operation. NULL and 0: none.
 * json, len: as for pven_snapshot_graph_info_json().
 * Many threads may use one graph.
 */
int32_t pven_snapshot_diagnose_json(const pven_snapshot_graph *g,
                                    const char *opts,
                                    size_t opts_len,
                                    char **json,
                                    size_t *len,
                                    pven_error **err);

/**
 * The p-th percentile of samples, by nearest rank: always one of them, in their unit.
 *
 * p: 0 to 100.
 * samples, count: in any order. What is not finite is unknown and left out; 0 is a sample.
 * out: NAN if no sample is known: that is no data, not no load.
 * Thread-safe. Touches no storage.
 */
int32_t pven_percentile(double p,
                        const double *samples,
                        size_t count,
                        double *out,
                        pven_error **err);

/**
 * The distance between two points. Different units say nothing together: see pven_normalised().
 *
 * a, b: finite numbers.
 * a_count, b_count: their dimensions. PVEN_ERR_ARGUMENT unless they are the same.
 * out: in the unit of both; NAN on failure.
 * Thread-safe. Touches no storage.
 */
int32_t pven_euclidean_distance(const double *a,
                                size_t a_count,
                                const double *b,
                                size_t b_count,
                                double *out,
                                pven_error **err);

/**
 * The dot product of two vectors: of a guest's need and a node's free room, the largest is the best
 * aligned.
 *
 * a, a_count, b, b_count: as for pven_euclidean_distance().
 * mode: "" or NULL divides by nothing, "normR" by both lengths, "normC" by the square of the second
 * one's. Where that is 0, so is the answer.
 * out: NAN on failure.
 * Thread-safe. Touches no storage.
 */
int32_t pven_dotprod(const double *a,
                     size_t a_count,
                     const double *b,
                     size_t b_count,
                     const char *mode,
                     double *out,
                     pven_error **err);

/**
 * Each resource as a fraction of a capacity, so that cores and bytes can be compared. Of a capacity of
 * 0, nothing is 0 and anything more is 1.
 *
 * vector, capacity: so many finite numbers each; no capacity is negative.
 * out: a place for as many; may be the vector itself. Untouched on failure.
 * Thread-safe. Touches no storage.
 */
int32_t pven_normalised(const double *vector,
                        const double *capacity,
                        size_t count,
                        double *out,
                        pven_error **err);

/**
 * Where each guest should run: the answer to a problem of placement, both as docs/placement.md has them.
 *
 * problem, problem_len: a JSON object, UTF-8.
 * answer, answer_len: as for pven_storage_capabilities_json(). That nothing fits is an answer and no error.
 * PVEN_ERR_ARGUMENT: it is no such document. PVEN_ERR_LIMIT: there is too much of anything in it.
 * It takes as long as the policy's work and time limits allow. Thread-safe. Touches no storage.
 */
int32_t pven_placement_solve_json(const char *problem,
                                  size_t problem_len,
                                  char **answer,
                                  size_t *answer_len,
                                  pven_error **err);

/**
 * The same, with the reasons of all guests for all nodes, as long as these are at most a million
 * pairs.
 *
 * problem, problem_len, answer, answer_len, errors: as for pven_placement_solve_json().
 * Thread-safe. Touches no storage.
 */
int32_t pven_placement_explain_json(const char *problem,
                                    size_t problem_len,
                                    char **answer,
                                    size_t *answer_len,
                                    pven_error **err);

#ifdef __cplusplus
}
#endif

#endif  /* PVE_NATIVE_H */
