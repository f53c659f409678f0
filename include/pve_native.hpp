/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pve-native for C++17: objects that free themselves, and exceptions. Header-only, on top of
 * pve_native.h, whose comments say what each question means; docs/c-api.md has an example.
 *
 * A default-constructed options struct (pven_open_opts{}) means all defaults. Strings that come
 * from images are bytes. Functions throw pve::native::Error, and std::bad_alloc.
 */

#ifndef PVE_NATIVE_HPP
#define PVE_NATIVE_HPP

#include "pve_native.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pve::native {

/** Why a call failed. what() is one line for people. */
class Error : public std::runtime_error {
public:
    /** Takes what it needs from error; does not free it. */
    Error(std::int32_t code, const pven_error *error)
        : std::runtime_error(text(pven_error_message(error), pven_error_code_name(code))),
          details_(std::make_shared<const Details>(Details{
              code, pven_error_errno(error), pven_error_offset(error),
              text(pven_error_path(error), "")})) {}

    /** PVEN_ERR_*. */
    std::int32_t code() const noexcept { return details_->code; }
    /** The stable word for the code, such as "corrupt". */
    const char *code_name() const noexcept { return pven_error_code_name(code()); }
    /** The errno that tells the failure best. */
    int error_number() const noexcept { return details_->number; }
    /** The file in which it happened, as bytes; empty if it happened in none. */
    const std::string &path() const noexcept { return details_->path; }
    /** Where in that file the field lies that is to blame, if there is one. */
    std::optional<std::uint64_t> offset() const noexcept {
        if (details_->offset == PVEN_NO_OFFSET)
            return std::nullopt;
        return details_->offset;
    }

private:
    /* Shared, because copying an exception must not throw. */
    struct Details {
        std::int32_t code;
        int number;
        std::uint64_t offset;
        std::string path;
    };

    static std::string text(const char *text, const char *otherwise) {
        return text ? text : otherwise ? otherwise : "";
    }

    std::shared_ptr<const Details> details_;
};

namespace detail {

struct Free {
    void operator()(pven_chain *chain) const noexcept { pven_chain_free(chain); }
    void operator()(pven_audit *audit) const noexcept { pven_audit_free(audit); }
    void operator()(pven_pin *pin) const noexcept { pven_pin_free(pin); }
    void operator()(pven_ranges *ranges) const noexcept { pven_ranges_free(ranges); }
    void operator()(pven_extents *extents) const noexcept { pven_extents_free(extents); }
    void operator()(pven_snapshot_graph *graph) const noexcept { pven_snapshot_graph_free(graph); }
    void operator()(pven_cluster_engine *engine) const noexcept { pven_cluster_engine_free(engine); }
    void operator()(pven_scheduler *scheduler) const noexcept { pven_scheduler_free(scheduler); }
    void operator()(pven_error *error) const noexcept { pven_error_free(error); }
    void operator()(char *string) const noexcept { pven_string_free(string); }
};

template <typename T> using Owned = std::unique_ptr<T, Free>;

/** Calls a function of the C interface with a place for its error and throws what it puts there. */
template <typename Call> void check(Call &&call) {
    pven_error *error = nullptr;
    const std::int32_t code = call(&error);
    const Owned<pven_error> owned(error);
    if (code != PVEN_OK)
        throw Error(code, error);
}

template <typename Call> std::string json(Call &&call) {
    char *text = nullptr;
    std::size_t length = 0;
    check([&](pven_error **error) { return call(&text, &length, error); });
    const Owned<char> owned(text);
    return std::string(text, length);
}

inline std::optional<std::string> maybe(const char *text) {
    if (!text)
        return std::nullopt;
    return std::string(text);
}

template <typename Call> std::string text(Call &&call) {
    char *text = nullptr;
    check([&](pven_error **error) { return call(&text, error); });
    return Owned<char>(text).get();
}

} // namespace detail

/** An image chain, read once. Strings in the structs it gives live as long as it does. */
class Chain {
public:
    /** As pven_chain_open(). */
    explicit Chain(const std::string &path, const pven_open_opts &opts = {}) {
        pven_chain *chain = nullptr;
        detail::check([&](pven_error **error) {
            return pven_chain_open(path.c_str(), &opts, sizeof opts, &chain, error);
        });
        chain_.reset(chain);
    }

    /** Entries, the one that says where the chain is broken included. */
    std::size_t size() const noexcept { return pven_chain_len(chain_.get()); }

    /** One entry; 0 is the top image. */
    pven_image_info image(std::size_t index) const {
        pven_image_info info{};
        detail::check([&](pven_error **error) {
            return pven_chain_image(chain_.get(), index, &info, sizeof info, error);
        });
        return info;
    }

    /** All entries, the top image first. */
    std::vector<pven_image_info> images() const {
        std::vector<pven_image_info> all;
        all.reserve(size());
        for (std::size_t i = 0; i < size(); i++)
            all.push_back(image(i));
        return all;
    }

    /** Whether the last entry could be read as well. */
    bool whole() const { return size() != 0 && image(size() - 1).error_code == PVEN_OK; }

    /** Internal snapshots of an image. */
    std::vector<pven_snapshot> snapshots(std::size_t image) const {
        return list(image, &pven_image_info::snapshots, pven_chain_image_snapshot);
    }

    /** Persistent bitmaps of an image. */
    std::vector<pven_bitmap> bitmaps(std::size_t image) const {
        return list(image, &pven_image_info::bitmaps, pven_chain_image_bitmap);
    }

    /** The feature name table of an image. */
    std::vector<pven_feature_name> feature_names(std::size_t image) const {
        return list(image, &pven_image_info::feature_names, pven_chain_image_feature_name);
    }

    /** Further files that hold data of an image. */
    std::vector<pven_extent_file> extents(std::size_t image) const {
        return list(image, &pven_image_info::extents, pven_chain_image_extent);
    }

    /** Sentences that the reader of an image is to be warned with. */
    std::vector<std::string> warnings(std::size_t image) const {
        std::vector<std::string> all;
        const std::size_t count = this->image(image).warnings;
        for (std::size_t i = 0; i < count; i++) {
            const char *text = nullptr;
            detail::check([&](pven_error **error) {
                return pven_chain_image_warning(chain_.get(), image, i, &text, error);
            });
            all.emplace_back(text);
        }
        return all;
    }

    /** As pven_chain_json(). */
    std::string json() const {
        return detail::json([&](char **text, std::size_t *length, pven_error **error) {
            return pven_chain_json(chain_.get(), text, length, error);
        });
    }

    /** The chain for the C interface; still owned by this object. */
    const pven_chain *get() const noexcept { return chain_.get(); }

private:
    template <typename T>
    using Getter = std::int32_t (*)(const pven_chain *, std::size_t, std::size_t, T *, std::size_t,
                                    pven_error **);

    template <typename T>
    std::vector<T> list(std::size_t image, std::size_t pven_image_info::*count,
                        Getter<T> getter) const {
        std::vector<T> all(this->image(image).*count);
        for (std::size_t i = 0; i < all.size(); i++)
            detail::check([&](pven_error **error) {
                return getter(chain_.get(), image, i, &all[i], sizeof(T), error);
            });
        return all;
    }

    detail::Owned<pven_chain> chain_;
};

/** What an image may be and name, as pven_policy. Default-constructed it means all defaults. */
struct Policy {
    /** PVEN_PRESET_*. */
    std::uint32_t preset = PVEN_PRESET_NONE;
    /** PVEN_SYMLINKS_*. */
    std::uint32_t symlinks = PVEN_SYMLINKS_INSIDE;
    /** Format of the top image, if the extension of its name is not to decide. */
    std::optional<std::string> format;
    /** Seconds; 0: no limit. */
    double timeout = 0;
    std::vector<std::string> roots;
    std::vector<std::string> formats;
    std::vector<std::string> protocols;
    /** What each image may cost, if not the default. */
    std::optional<pven_limits> limits;
    std::uint64_t max_virtual_size = 0;
    std::uint32_t max_depth = 0;
    bool deny_backing = false;
    bool allow_data_file = false;
    bool allow_unnamed_format = false;
    bool same_device = false;
};

namespace detail {

/** A policy in the terms of the C interface, as long as the other one lives. */
class PolicyC {
public:
    explicit PolicyC(const Policy &policy)
        : roots_(pointers(policy.roots)), formats_(pointers(policy.formats)),
          protocols_(pointers(policy.protocols)) {
        policy_.preset = policy.preset;
        policy_.symlinks = policy.symlinks;
        policy_.format = policy.format ? policy.format->c_str() : nullptr;
        policy_.timeout = policy.timeout;
        policy_.roots = roots_.data();
        policy_.roots_count = roots_.size();
        policy_.formats = formats_.data();
        policy_.formats_count = formats_.size();
        policy_.protocols = protocols_.data();
        policy_.protocols_count = protocols_.size();
        policy_.max_virtual_size = policy.max_virtual_size;
        policy_.max_depth = policy.max_depth;
        policy_.deny_backing = policy.deny_backing;
        policy_.allow_data_file = policy.allow_data_file;
        policy_.allow_unnamed_format = policy.allow_unnamed_format;
        policy_.same_device = policy.same_device;
        policy_.limits = policy.limits ? &*policy.limits : nullptr;
        policy_.limits_size = policy.limits ? sizeof *policy.limits : 0;
    }
    PolicyC(const PolicyC &) = delete;
    PolicyC &operator=(const PolicyC &) = delete;

    const pven_policy *get() const noexcept { return &policy_; }

private:
    static std::vector<const char *> pointers(const std::vector<std::string> &strings) {
        std::vector<const char *> all;
        all.reserve(strings.size());
        for (const std::string &string : strings)
            all.push_back(string.c_str());
        return all;
    }

    std::vector<const char *> roots_, formats_, protocols_;
    pven_policy policy_{};
};

/** All findings of an audit. */
inline std::vector<pven_finding> findings(const pven_audit *audit) {
    std::vector<pven_finding> all(pven_audit_len(audit));
    for (std::size_t i = 0; i < all.size(); i++)
        check([&](pven_error **error) {
            return pven_audit_finding(audit, i, &all[i], sizeof all[i], error);
        });
    return all;
}

} // namespace detail

/** Whether a chain may be used. Strings in the structs it gives live as long as it does. */
class Audit {
public:
    /** As pven_audit_open(). */
    explicit Audit(const std::string &path, const Policy &policy = {}) {
        const detail::PolicyC c(policy);
        pven_audit *audit = nullptr;
        detail::check([&](pven_error **error) {
            return pven_audit_open(path.c_str(), c.get(), sizeof *c.get(), &audit, error);
        });
        audit_.reset(audit);
    }

    /** Whether nothing was found that is an error. */
    bool safe() const noexcept { return pven_audit_safe(audit_.get()) == 1; }

    /** What was found, in the order of the chain. */
    std::vector<pven_finding> findings() const { return detail::findings(audit_.get()); }

    /** The images that were read, for the C interface; owned by this object. */
    const pven_chain *chain() const noexcept { return pven_audit_chain(audit_.get()); }

    /** The audit for the C interface; still owned by this object. */
    const pven_audit *get() const noexcept { return audit_.get(); }

private:
    detail::Owned<pven_audit> audit_;
};

/** As pven_audit_json(). */
inline std::string audit_json(const std::string &path, const Policy &policy = {}) {
    const detail::PolicyC c(policy);
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_audit_json(path.c_str(), c.get(), sizeof *c.get(), text, length, error);
    });
}

/** As pven_audit_check(): throws the first finding that forbids the use of the chain. */
inline void audit_check(const std::string &path, const Policy &policy = {}) {
    const detail::PolicyC c(policy);
    detail::check([&](pven_error **error) {
        return pven_audit_check(path.c_str(), c.get(), sizeof *c.get(), error);
    });
}

/** An audited chain whose files stay open as long as this object lives. */
class Pin {
public:
    /** As pven_pin_open(). */
    explicit Pin(const std::string &path, const Policy &policy = {}) {
        const detail::PolicyC c(policy);
        pven_pin *pin = nullptr;
        detail::check([&](pven_error **error) {
            return pven_pin_open(path.c_str(), c.get(), sizeof *c.get(), &pin, error);
        });
        pin_.reset(pin);
    }

    /** What was found in the chain; none of it forbids its use. */
    std::vector<pven_finding> findings() const {
        return detail::findings(pven_pin_audit(pin_.get()));
    }

    /** The images, for the C interface; owned by this object. */
    const pven_chain *chain() const noexcept {
        return pven_audit_chain(pven_pin_audit(pin_.get()));
    }

    /** As pven_pin_fds(). They belong to this object. */
    std::vector<int> fds() const {
        std::size_t count = 0;
        detail::check([&](pven_error **error) {
            return pven_pin_fds(pin_.get(), nullptr, 0, &count, error);
        });
        std::vector<int> all(count);
        detail::check([&](pven_error **error) {
            return pven_pin_fds(pin_.get(), all.data(), all.size(), &count, error);
        });
        return all;
    }

    /** As pven_pin_qemu_img_arg(). */
    std::string qemu_img_arg() const {
        return detail::text([&](char **text, pven_error **error) {
            return pven_pin_qemu_img_arg(pin_.get(), text, error);
        });
    }

    /** As pven_pin_blockdev_json(). */
    std::string blockdev_json(const std::optional<std::string> &prefix = std::nullopt,
                              std::int64_t first_set = PVEN_NO_SETS) const {
        const char *name = prefix ? prefix->c_str() : nullptr;
        return detail::json([&](char **text, std::size_t *length, pven_error **error) {
            return pven_pin_blockdev_json(pin_.get(), name, first_set, text, length, error);
        });
    }

    /** As pven_pin_add_fd_arg(), one for each descriptor. */
    std::vector<std::string> add_fd_args(std::int64_t first_set) const {
        std::vector<std::string> all(fds().size());
        for (std::size_t i = 0; i < all.size(); i++)
            all[i] = detail::text([&](char **text, pven_error **error) {
                return pven_pin_add_fd_arg(pin_.get(), i, first_set, text, error);
            });
        return all;
    }

    /** The pin for the C interface; still owned by this object. */
    const pven_pin *get() const noexcept { return pin_.get(); }

private:
    detail::Owned<pven_pin> pin_;
};

/** Extents that lie side by side in memory. */
class ExtentChunk {
public:
    ExtentChunk(const pven_extent *first, std::size_t count) noexcept
        : first_(first), count_(count) {}

    const pven_extent *begin() const noexcept { return first_; }
    const pven_extent *end() const noexcept { return first_ + count_; }
    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }

private:
    const pven_extent *first_;
    std::size_t count_;
};

/** Which image of a chain serves which part of the disk. To be walked once: a chunk at a time with
 * next(), or one by one in a for loop. */
class Extents {
public:
    /** As pven_extents_open(); so many extents are asked for at a time. */
    explicit Extents(const std::string &path, const pven_open_opts &opts = {},
                     std::size_t chunk = 4096)
        : chunk_(chunk) {
        pven_extents *extents = nullptr;
        detail::check([&](pven_error **error) {
            return pven_extents_open(path.c_str(), &opts, sizeof opts, &extents, error);
        });
        extents_.reset(extents);
    }

    /** The next extents, as pven_extents_next(); none at the end. They are there until the next
     * call, in memory that is used again. */
    ExtentChunk next() {
        std::size_t count = 0;
        detail::check([&](pven_error **error) {
            return pven_extents_next(extents_.get(), chunk_.data(), chunk_.size(), &count, error);
        });
        return ExtentChunk(chunk_.data(), count);
    }

    /** Goes from one extent to the next. */
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = pven_extent;
        using difference_type = std::ptrdiff_t;
        using pointer = const pven_extent *;
        using reference = const pven_extent &;

        Iterator() = default;
        explicit Iterator(Extents &extents) : extents_(&extents) { more(); }

        reference operator*() const noexcept { return *at_; }
        pointer operator->() const noexcept { return at_; }
        Iterator &operator++() {
            if (++at_ == end_)
                more();
            return *this;
        }
        void operator++(int) { ++*this; }
        /** Only whether both have come to the end tells iterators apart. */
        bool operator==(const Iterator &other) const noexcept { return extents_ == other.extents_; }
        bool operator!=(const Iterator &other) const noexcept { return !(*this == other); }

    private:
        void more() {
            const ExtentChunk chunk = extents_->next();
            at_ = chunk.begin();
            end_ = chunk.end();
            if (chunk.empty())
                extents_ = nullptr;
        }

        Extents *extents_ = nullptr;
        const pven_extent *at_ = nullptr;
        const pven_extent *end_ = nullptr;
    };

    /** The next extent that no chunk has held yet. */
    Iterator begin() { return Iterator(*this); }
    Iterator end() noexcept { return Iterator(); }

    /** How many bytes of the disk are done with, and how many it has. */
    std::pair<std::uint64_t, std::uint64_t> progress() const noexcept {
        std::uint64_t done = 0, total = 0;
        pven_extents_progress(extents_.get(), &done, &total);
        return {done, total};
    }

    /** The images, for the C interface; owned by this object. */
    const pven_chain *chain() const noexcept { return pven_extents_chain(extents_.get()); }

    /** The extents for the C interface; still owned by this object. */
    pven_extents *get() const noexcept { return extents_.get(); }

private:
    detail::Owned<pven_extents> extents_;
    std::vector<pven_extent> chunk_;
};

/** Which image of the chain serves an extent; 0 is the top one. */
inline std::size_t depth(const pven_extent &extent) noexcept {
    return static_cast<std::size_t>(extent.flags >> PVEN_EXTENT_DEPTH_SHIFT);
}

/** As pven_extents_json(). */
inline std::string extents_json(const std::string &path, const pven_open_opts &opts = {}) {
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_extents_json(path.c_str(), &opts, sizeof opts, text, length, error);
    });
}

/** What a volume is. */
struct FileSize {
    std::uint64_t size = 0;
    std::uint64_t used = 0;
    std::string format;
    std::optional<std::string> parent;
};

/** The answer about a volume. */
struct FileSizeAnswer {
    /** Nothing if a trusted volume could not be looked at; a warning says why. */
    std::optional<FileSize> volume;
    /** Last status change, seconds since the epoch; 0 if it could not be looked at. */
    std::int64_t ctime = 0;
    /** Sentences to warn with. */
    std::vector<std::string> warnings;
};

/** As pven_file_size(). Warnings are in the answer; a callback in opts is told of them too. */
inline FileSizeAnswer file_size(const std::string &path, const pven_file_size_opts &opts = {}) {
    struct Listener {
        const pven_file_size_opts &theirs;
        std::vector<std::string> heard;
        std::exception_ptr failure;
    } listener{opts, {}, {}};
    pven_file_size_opts ours = opts;
    ours.warning_data = &listener;
    ours.warning = [](void *data, const char *message) {
        Listener &self = *static_cast<Listener *>(data);
        /* No exception may cross the library: it waits until the call is over. */
        try {
            self.heard.emplace_back(message);
            if (self.theirs.warning)
                self.theirs.warning(self.theirs.warning_data, message);
        } catch (...) {
            self.failure = std::current_exception();
        }
    };
    pven_file_size_info info{};
    std::exception_ptr failure;
    try {
        detail::check([&](pven_error **error) {
            return pven_file_size(path.c_str(), &ours, sizeof ours, &info, sizeof info, error);
        });
    } catch (const Error &) {
        failure = std::current_exception();
    }
    const detail::Owned<char> parent(info.parent);
    if (listener.failure)
        std::rethrow_exception(listener.failure);
    if (failure)
        std::rethrow_exception(failure);
    FileSizeAnswer answer;
    answer.ctime = info.ctime;
    answer.warnings = std::move(listener.heard);
    if (info.known)
        answer.volume = FileSize{info.size, info.used, info.format, detail::maybe(info.parent)};
    return answer;
}

/** As pven_image_info_json(). */
inline std::string image_info_json(const std::string &path, const pven_open_opts &opts = {}) {
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_image_info_json(path.c_str(), &opts, sizeof opts, text, length, error);
    });
}

/** As pven_inspect_many_json(). */
inline std::string inspect_many_json(const std::vector<std::string> &paths,
                                     const pven_many_opts &opts = {}) {
    /* One more than there are, so that there is an address even if there are none. */
    std::vector<const char *> names;
    names.reserve(paths.size() + 1);
    for (const std::string &path : paths)
        names.push_back(path.c_str());
    names.push_back(nullptr);
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_inspect_many_json(names.data(), paths.size(), &opts, sizeof opts, text, length,
                                      error);
    });
}

/** As pven_qemu_img_info_json(). */
inline std::string qemu_img_info_json(const std::string &path,
                                      const pven_qemu_img_info_opts &opts = {}) {
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_qemu_img_info_json(path.c_str(), &opts, sizeof opts, text, length, error);
    });
}

/** How to do long work. */
struct WorkOptions {
    /** How to open the image or chain, and how long all of the work may take. */
    pven_open_opts open{};
    /** Told what is done and what there is to do; answering false cancels the work. What it throws
     *  does too, and comes out of the call. */
    std::function<bool(std::uint64_t done, std::uint64_t total)> progress;
};

namespace detail {

/** Calls a function of the C interface with work options; an exception of the callback waits until
 *  the call is over. */
template <typename Call> void work(const WorkOptions &options, Call &&call) {
    struct Teller {
        const WorkOptions &options;
        std::exception_ptr failure;
    } teller{options, {}};
    pven_work_opts opts{};
    opts.open = &options.open;
    opts.open_size = sizeof options.open;
    if (options.progress) {
        opts.progress_data = &teller;
        opts.progress = [](void *data, std::uint64_t done, std::uint64_t total) -> std::int32_t {
            Teller &self = *static_cast<Teller *>(data);
            try {
                return self.options.progress(done, total) ? 1 : 0;
            } catch (...) {
                self.failure = std::current_exception();
                return 0;
            }
        };
    }
    try {
        check([&](pven_error **error) { return call(&opts, sizeof opts, error); });
    } catch (const Error &) {
        if (teller.failure)
            std::rethrow_exception(teller.failure);
        throw;
    }
}

/** The ranges that a function of the C interface gives. */
template <typename Call>
std::vector<pven_range> ranges(const WorkOptions &options, Call &&call) {
    pven_ranges *found = nullptr;
    work(options, [&](const pven_work_opts *opts, std::size_t size, pven_error **error) {
        return call(opts, size, &found, error);
    });
    const Owned<pven_ranges> owned(found);
    const pven_range *first = pven_ranges_data(found);
    return first ? std::vector<pven_range>(first, first + pven_ranges_len(found))
                 : std::vector<pven_range>();
}

/** Pointers to strings, one more than there are. */
inline std::vector<const char *> pointers(const std::vector<std::string> &strings) {
    std::vector<const char *> all;
    all.reserve(strings.size() + 1);
    for (const std::string &string : strings)
        all.push_back(string.c_str());
    all.push_back(nullptr);
    return all;
}

} // namespace detail

/** As pven_check(). */
inline pven_check_result check(const std::string &path, const WorkOptions &options = {}) {
    pven_check_result result{};
    detail::work(options, [&](const pven_work_opts *opts, std::size_t size, pven_error **error) {
        return pven_check(path.c_str(), opts, size, &result, sizeof result, error);
    });
    return result;
}

/** As pven_check_json(). */
inline std::string check_json(const std::string &path, const WorkOptions &options = {}) {
    char *text = nullptr;
    std::size_t length = 0;
    detail::work(options, [&](const pven_work_opts *opts, std::size_t size, pven_error **error) {
        return pven_check_json(path.c_str(), opts, size, &text, &length, error);
    });
    const detail::Owned<char> owned(text);
    return std::string(text, length);
}

/** As pven_changed_extents(). */
inline std::vector<pven_range> changed_extents(const std::string &top, const std::string &base,
                                               const WorkOptions &options = {}) {
    return detail::ranges(options, [&](const pven_work_opts *opts, std::size_t size,
                                       pven_ranges **out, pven_error **error) {
        return pven_changed_extents(top.c_str(), base.c_str(), opts, size, out, error);
    });
}

/** As pven_bitmap_extents(). */
inline std::vector<pven_range> bitmap_extents(const std::string &path, const std::string &bitmap,
                                              const WorkOptions &options = {}) {
    return detail::ranges(options, [&](const pven_work_opts *opts, std::size_t size,
                                       pven_ranges **out, pven_error **error) {
        return pven_bitmap_extents(path.c_str(), bitmap.c_str(), opts, size, out, error);
    });
}

/** As pven_measure_size(). */
inline pven_measure measure_size(std::uint64_t bytes, const std::string &format,
                                 const std::vector<std::string> &create_options = {}) {
    const std::vector<const char *> names = detail::pointers(create_options);
    pven_measure result{};
    detail::check([&](pven_error **error) {
        return pven_measure_size(bytes, format.c_str(), names.data(), create_options.size(), &result,
                                 sizeof result, error);
    });
    return result;
}

/** As pven_measure_image(). */
inline pven_measure measure_image(const std::string &path, const std::string &format,
                                  const std::vector<std::string> &create_options = {},
                                  const WorkOptions &options = {}) {
    const std::vector<const char *> names = detail::pointers(create_options);
    pven_measure result{};
    detail::work(options, [&](const pven_work_opts *opts, std::size_t size, pven_error **error) {
        return pven_measure_image(path.c_str(), format.c_str(), names.data(), create_options.size(),
                                  opts, size, &result, sizeof result, error);
    });
    return result;
}

/** As pven_image_headroom(). */
inline pven_headroom headroom(const std::string &path, std::uint64_t device_size = 0,
                              const WorkOptions &options = {}) {
    pven_headroom result{};
    detail::work(options, [&](const pven_work_opts *opts, std::size_t size, pven_error **error) {
        return pven_image_headroom(path.c_str(), device_size, opts, size, &result, sizeof result,
                                   error);
    });
    return result;
}

/** As pven_storage_capabilities_json(); without a format all that the type has, without a type all. */
inline std::string storage_capabilities_json(const std::optional<std::string> &type = {},
                                             const std::optional<std::string> &format = {}) {
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_storage_capabilities_json(type ? type->c_str() : nullptr,
                                              format ? format->c_str() : nullptr, text, length,
                                              error);
    });
}

/** As pven_percentile(); nothing if no sample is known. */
inline std::optional<double> percentile(double p, const std::vector<double> &samples) {
    double value = 0;
    detail::check([&](pven_error **error) {
        return pven_percentile(p, samples.data(), samples.size(), &value, error);
    });
    if (value != value)
        return std::nullopt;
    return value;
}

/** As pven_euclidean_distance(). */
inline double euclidean_distance(const std::vector<double> &a, const std::vector<double> &b) {
    double distance = 0;
    detail::check([&](pven_error **error) {
        return pven_euclidean_distance(a.data(), a.size(), b.data(), b.size(), &distance, error);
    });
    return distance;
}

/** As pven_dotprod(). */
inline double dotprod(const std::vector<double> &a, const std::vector<double> &b,
                      const std::string &mode = {}) {
    double product = 0;
    detail::check([&](pven_error **error) {
        return pven_dotprod(a.data(), a.size(), b.data(), b.size(), mode.c_str(), &product, error);
    });
    return product;
}

/** As pven_normalised(); both of the same length. */
inline std::vector<double> normalised(const std::vector<double> &vector,
                                      const std::vector<double> &capacity) {
    if (vector.size() != capacity.size())
        throw Error(PVEN_ERR_ARGUMENT, nullptr);
    std::vector<double> fractions(vector.size());
    detail::check([&](pven_error **error) {
        return pven_normalised(vector.data(), capacity.data(), vector.size(), fractions.data(), error);
    });
    return fractions;
}

/** As pven_storage_types_json(). */
inline std::string storage_types_json() {
    return detail::json([](char **text, std::size_t *length, pven_error **error) {
        return pven_storage_types_json(text, length, error);
    });
}

/** As pven_storage_content_types_json(). */
inline std::string storage_content_types_json() {
    return detail::json([](char **text, std::size_t *length, pven_error **error) {
        return pven_storage_content_types_json(text, length, error);
    });
}

/** As pven_cluster_summarize(); options are a JSON object, or empty. */
inline std::string cluster_summarize(const std::string &reply, const std::string &options = {}) {
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_cluster_summarize(reply.data(), reply.size(), options.data(), options.size(), text,
                                      length, error);
    });
}

/** As pven_cluster_status_json(): what each node has broadcast, by name; options are a JSON object, or empty. */
inline std::string cluster_status_json(const std::map<std::string, std::string> &broadcasts,
                                       const std::string &options = {}) {
    std::vector<const char *> nodes, raw;
    std::vector<std::size_t> lengths;
    for (const auto &broadcast : broadcasts) {
        nodes.push_back(broadcast.first.c_str());
        raw.push_back(broadcast.second.data());
        lengths.push_back(broadcast.second.size());
    }
    const char *opts = options.empty() ? nullptr : options.data();
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_cluster_status_json(nodes.data(), raw.data(), lengths.data(), nodes.size(), opts,
                                        options.size(), text, length, error);
    });
}

/** As pven_placement_solve_json(). */
inline std::string placement_solve_json(const std::string &problem) {
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_placement_solve_json(problem.data(), problem.size(), text, length, error);
    });
}

/** As pven_placement_explain_json(). */
inline std::string placement_explain_json(const std::string &problem) {
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_placement_explain_json(problem.data(), problem.size(), text, length, error);
    });
}

/** As pven_cluster_status_document_json(). */
inline std::string cluster_status_document_json(const std::string &document) {
    return detail::json([&](char **text, std::size_t *length, pven_error **error) {
        return pven_cluster_status_document_json(document.data(), document.size(), text, length, error);
    });
}

/** How healthy the LUNs of a cluster are, kept up to date. Not for two threads at once. */
class ClusterEngine {
public:
    /** As pven_cluster_engine_new(); options are a JSON object, or empty. */
    explicit ClusterEngine(const std::string &options = {}) {
        pven_cluster_engine *engine = nullptr;
        detail::check([&](pven_error **error) {
            return pven_cluster_engine_new(options.empty() ? nullptr : options.data(), options.size(),
                                           &engine, error);
        });
        engine_.reset(engine);
    }

    /** As pven_cluster_engine_update(); without a broadcast the node has none. */
    void update(const std::string &node, const std::optional<std::string> &raw, double now) {
        detail::check([&](pven_error **error) {
            return pven_cluster_engine_update(engine_.get(), node.c_str(), raw ? raw->data() : nullptr,
                                              raw ? raw->size() : 0, now, error);
        });
    }

    /** As pven_cluster_engine_update_map(); without a map it is gone. */
    void update_map(const std::string &node, const std::string &wwid,
                    const std::optional<pven_cluster_map> &map, double now) {
        detail::check([&](pven_error **error) {
            return pven_cluster_engine_update_map(engine_.get(), node.c_str(), wwid.c_str(),
                                                  map ? &*map : nullptr, map ? sizeof *map : 0, now,
                                                  error);
        });
    }

    /** As pven_cluster_engine_set_members_json(). */
    void set_members_json(const std::string &members) {
        detail::check([&](pven_error **error) {
            return pven_cluster_engine_set_members_json(engine_.get(), members.data(), members.size(),
                                                        error);
        });
    }

    /** As pven_cluster_engine_set_config_json(). */
    void set_config_json(const std::string &config) {
        detail::check([&](pven_error **error) {
            return pven_cluster_engine_set_config_json(engine_.get(), config.data(), config.size(),
                                                       error);
        });
    }

    /** As pven_cluster_engine_advance(). */
    void advance(double now) {
        detail::check([&](pven_error **error) {
            return pven_cluster_engine_advance(engine_.get(), now, error);
        });
    }

    /** As pven_cluster_engine_next_deadline(). */
    std::optional<double> next_deadline() const noexcept {
        const double next = pven_cluster_engine_next_deadline(engine_.get());
        return next > 0 ? std::optional<double>(next) : std::nullopt;
    }

    /** As pven_cluster_engine_status_json(). */
    std::string status_json() { return json(pven_cluster_engine_status_json); }

    /** As pven_cluster_engine_rows_json(). */
    std::string rows_json() { return json(pven_cluster_engine_rows_json); }

    /** As pven_cluster_engine_nodes_json(). */
    std::string nodes_json() { return json(pven_cluster_engine_nodes_json); }

    /** As pven_cluster_engine_findings_json(). */
    std::string findings_json() { return json(pven_cluster_engine_findings_json); }

    /** As pven_cluster_engine_changes_json(); without a cursor all rows are new. */
    std::string changes_json(const std::string &cursor = {}) {
        return detail::json([&](char **text, std::size_t *length, pven_error **error) {
            return pven_cluster_engine_changes_json(engine_.get(), cursor.c_str(), text, length, error);
        });
    }

    /** As pven_cluster_engine_mute(). */
    void mute(const std::string &code, const std::optional<std::string> &subject = {},
              double until = 0) {
        detail::check([&](pven_error **error) {
            return pven_cluster_engine_mute(engine_.get(), code.c_str(),
                                            subject ? subject->c_str() : nullptr, until, error);
        });
    }

    /** As pven_cluster_engine_unmute(). */
    bool unmute(const std::string &code, const std::optional<std::string> &subject = {}) {
        std::uint8_t was = 0;
        detail::check([&](pven_error **error) {
            return pven_cluster_engine_unmute(engine_.get(), code.c_str(),
                                              subject ? subject->c_str() : nullptr, &was, error);
        });
        return was == 1;
    }

    /** The engine for the C interface; still owned by this object. */
    pven_cluster_engine *get() noexcept { return engine_.get(); }

private:
    template <typename Ask> std::string json(Ask ask) {
        return detail::json([&](char **text, std::size_t *length, pven_error **error) {
            return ask(engine_.get(), text, length, error);
        });
    }

    detail::Owned<pven_cluster_engine> engine_;
};

/** Where Proxmox VE would start a guest, and what it would migrate. A const one may be used from many
 * threads. */
class Scheduler {
public:
    /** As pven_scheduler_new(). */
    explicit Scheduler(const pven_scheduler_opts &options = {}) {
        pven_scheduler *scheduler = nullptr;
        detail::check([&](pven_error **error) {
            return pven_scheduler_new(&options, sizeof options, &scheduler, error);
        });
        scheduler_.reset(scheduler);
    }

    /** As pven_scheduler_add_node(). */
    void add_node(const std::string &node, const pven_node_stats &stats) {
        detail::check([&](pven_error **error) {
            return pven_scheduler_add_node(scheduler_.get(), node.c_str(), &stats, sizeof stats, error);
        });
    }

    /** As pven_scheduler_remove_node(). */
    void remove_node(const std::string &node) {
        detail::check([&](pven_error **error) {
            return pven_scheduler_remove_node(scheduler_.get(), node.c_str(), error);
        });
    }

    /** As pven_scheduler_node_count(). */
    std::size_t node_count() const noexcept { return pven_scheduler_node_count(scheduler_.get()); }

    /** As pven_scheduler_nodes_json(). */
    std::string nodes_json() const {
        return detail::json([&](char **text, std::size_t *length, pven_error **error) {
            return pven_scheduler_nodes_json(scheduler_.get(), text, length, error);
        });
    }

    /** As pven_scheduler_contains_node(). */
    bool contains_node(const std::string &node) const {
        std::uint8_t is = 0;
        detail::check([&](pven_error **error) {
            return pven_scheduler_contains_node(scheduler_.get(), node.c_str(), &is, error);
        });
        return is == 1;
    }

    /** As pven_scheduler_add_guest(). */
    void add_guest(const std::string &sid, const pven_guest &guest) {
        detail::check([&](pven_error **error) {
            return pven_scheduler_add_guest(scheduler_.get(), sid.c_str(), &guest, sizeof guest, error);
        });
    }

    /** As pven_scheduler_add_guest_to_node(). */
    void add_guest_to_node(const std::string &node, const std::string &sid,
                           const pven_guest_stats &stats) {
        detail::check([&](pven_error **error) {
            return pven_scheduler_add_guest_to_node(scheduler_.get(), node.c_str(), sid.c_str(), &stats,
                                                    sizeof stats, error);
        });
    }

    /** As pven_scheduler_remove_guest(). */
    void remove_guest(const std::string &sid) {
        detail::check([&](pven_error **error) {
            return pven_scheduler_remove_guest(scheduler_.get(), sid.c_str(), error);
        });
    }

    /** As pven_scheduler_imbalance(). */
    double imbalance() const noexcept { return pven_scheduler_imbalance(scheduler_.get()); }

    /** As pven_scheduler_best_migrations_json(). */
    std::string best_migrations_json(const std::string &candidates, std::size_t limit,
                                     bool topsis = false) const {
        return detail::json([&](char **text, std::size_t *length, pven_error **error) {
            return pven_scheduler_best_migrations_json(scheduler_.get(), candidates.data(),
                                                       candidates.size(), limit, topsis ? 1 : 0, text,
                                                       length, error);
        });
    }

    /** As pven_scheduler_score_start(): a score for each node, in their order. */
    std::vector<double> score_start(const pven_guest_stats &stats) const {
        // One place too many: there is always a first.
        std::vector<double> scores(node_count() + 1);
        std::size_t count = 0;
        detail::check([&](pven_error **error) {
            return pven_scheduler_score_start(scheduler_.get(), &stats, sizeof stats, scores.data(),
                                              scores.size(), &count, error);
        });
        scores.resize(count);
        return scores;
    }

    /** The scheduler for the C interface; still owned by this object. */
    pven_scheduler *get() noexcept { return scheduler_.get(); }

private:
    detail::Owned<pven_scheduler> scheduler_;
};

/** As pven_merge_costs_json(). */
inline std::string merge_costs_json(const std::string &top, const WorkOptions &options = {}) {
    char *text = nullptr;
    std::size_t length = 0;
    detail::work(options, [&](const pven_work_opts *opts, std::size_t size, pven_error **error) {
        return pven_merge_costs_json(top.c_str(), opts, size, &text, &length, error);
    });
    const detail::Owned<char> owned(text);
    return std::string(text, length);
}

/** Which volume a graph is about; pven_snapshot_graph_opts says what each means. */
struct GraphOptions {
    std::string scheme;
    std::optional<std::string> volname, storeid, format;
    double timeout = 0;
    std::optional<pven_limits> limits;
};

/** A volume of a listing; pven_volume says what each means. */
struct Volume {
    std::string name, path;
    std::uint64_t size = 0;
    std::vector<std::string> tags;
    bool suspended = false;
};

/** The images of a volume, and the snapshots that they mean. Strings in the structs it gives live as
 * long as it does. */
class SnapshotGraph {
public:
    /** As pven_snapshot_graph_open(). */
    static SnapshotGraph open(const std::string &path, const GraphOptions &options) {
        const pven_snapshot_graph_opts opts = plain(options);
        pven_snapshot_graph *graph = nullptr;
        detail::check([&](pven_error **error) {
            return pven_snapshot_graph_open(path.c_str(), &opts, sizeof opts, &graph, error);
        });
        return SnapshotGraph(graph);
    }

    /** As pven_snapshot_graph_from_volumes(). */
    static SnapshotGraph from_volumes(const std::vector<Volume> &volumes,
                                      const GraphOptions &options) {
        const pven_snapshot_graph_opts opts = plain(options);
        std::vector<std::vector<const char *>> tags;
        std::vector<pven_volume> list;
        tags.reserve(volumes.size());
        list.reserve(volumes.size());
        for (const Volume &volume : volumes) {
            tags.push_back(detail::pointers(volume.tags));
            list.push_back(pven_volume{volume.name.c_str(), volume.path.c_str(), volume.size,
                                       tags.back().data(), volume.tags.size(),
                                       volume.suspended, {}});
        }
        pven_snapshot_graph *graph = nullptr;
        detail::check([&](pven_error **error) {
            return pven_snapshot_graph_from_volumes(list.data(), sizeof(pven_volume), list.size(),
                                                    &opts, sizeof opts, &graph, error);
        });
        return SnapshotGraph(graph);
    }

    /** Images in it. */
    std::size_t size() const noexcept { return pven_snapshot_graph_len(graph_.get()); }

    /** One image. */
    pven_graph_image image(std::size_t index) const {
        pven_graph_image image{};
        detail::check([&](pven_error **error) {
            return pven_snapshot_graph_image(graph_.get(), index, &image, sizeof image, error);
        });
        return image;
    }

    /** Index of the image that the guest writes to, if that can be told. */
    std::optional<std::size_t> current() const noexcept {
        const std::int64_t index = pven_snapshot_graph_current(graph_.get());
        if (index == PVEN_NO_INDEX)
            return std::nullopt;
        return static_cast<std::size_t>(index);
    }

    /** What is not as usual. */
    std::vector<pven_finding> findings() const {
        std::vector<pven_finding> all(pven_snapshot_graph_finding_count(graph_.get()));
        for (std::size_t i = 0; i < all.size(); i++)
            detail::check([&](pven_error **error) {
                return pven_snapshot_graph_finding(graph_.get(), i, &all[i], sizeof all[i], error);
            });
        return all;
    }

    /** As pven_snapshot_graph_info_json(). */
    std::string info_json() const { return json(pven_snapshot_graph_info_json); }
    /** As pven_snapshot_graph_names_json(). */
    std::string names_json() const { return json(pven_snapshot_graph_names_json); }
    /** As pven_snapshot_graph_json(). */
    std::string json() const { return json(pven_snapshot_graph_json); }

    /** As pven_snapshot_graph_blockers_json(). */
    std::string blockers_json(const std::string &snapshot) const {
        return detail::json([&](char **text, std::size_t *length, pven_error **error) {
            return pven_snapshot_graph_blockers_json(graph_.get(), snapshot.c_str(), text, length,
                                                     error);
        });
    }

    /** As pven_snapshot_graph_text(). */
    std::string text() const {
        return detail::text([&](char **text, pven_error **error) {
            return pven_snapshot_graph_text(graph_.get(), text, error);
        });
    }

    /** As pven_snapshot_graph_dot(). */
    std::string dot() const {
        return detail::text([&](char **text, pven_error **error) {
            return pven_snapshot_graph_dot(graph_.get(), text, error);
        });
    }

    /** As pven_snapshot_plan_json(); arguments are a JSON object, or empty. */
    std::string plan_json(const std::string &op, const std::string &arguments = {}) const {
        return detail::json([&](char **text, std::size_t *length, pven_error **error) {
            return pven_snapshot_plan_json(graph_.get(), op.c_str(), arguments.data(),
                                           arguments.size(), text, length, error);
        });
    }

    /** As pven_snapshot_plan_text(). */
    std::string plan_text(const std::string &op, const std::string &arguments = {}) const {
        return detail::text([&](char **text, pven_error **error) {
            return pven_snapshot_plan_text(graph_.get(), op.c_str(), arguments.data(),
                                           arguments.size(), text, error);
        });
    }

    /** As pven_snapshot_diagnose_json(); options are a JSON object, or empty. */
    std::string diagnose_json(const std::string &options = {}) const {
        return detail::json([&](char **text, std::size_t *length, pven_error **error) {
            return pven_snapshot_diagnose_json(graph_.get(), options.data(), options.size(), text,
                                               length, error);
        });
    }

    /** The graph for the C interface; still owned by this object. */
    const pven_snapshot_graph *get() const noexcept { return graph_.get(); }

private:
    explicit SnapshotGraph(pven_snapshot_graph *graph) noexcept : graph_(graph) {}

    using Question = std::int32_t(const pven_snapshot_graph *, char **, std::size_t *, pven_error **);

    std::string json(Question *ask) const {
        return detail::json([&](char **text, std::size_t *length, pven_error **error) {
            return ask(graph_.get(), text, length, error);
        });
    }

    static pven_snapshot_graph_opts plain(const GraphOptions &options) noexcept {
        const auto text = [](const std::optional<std::string> &text) {
            return text ? text->c_str() : nullptr;
        };
        pven_snapshot_graph_opts opts{};
        opts.scheme = options.scheme.c_str();
        opts.volname = text(options.volname);
        opts.storeid = text(options.storeid);
        opts.format = text(options.format);
        opts.timeout = options.timeout;
        opts.limits = options.limits ? &*options.limits : nullptr;
        opts.limits_size = options.limits ? sizeof *options.limits : 0;
        return opts;
    }

    detail::Owned<pven_snapshot_graph> graph_;
};

/** The version of the project. */
inline std::string version() { return pven_version(); }

/** The version of the interface that the library has. */
inline std::uint32_t abi_version() noexcept { return pven_abi_version(); }

} // namespace pve::native

#endif /* PVE_NATIVE_HPP */
