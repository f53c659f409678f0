/* The C++ objects: they free themselves, throw, and say the same as the C interface. */
#include "pve_native.hpp"

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <limits>
#include <type_traits>

using namespace pve::native;

namespace {

int failures;
std::string directory;

void check(bool holds, const char *what, int line) {
    if (holds)
        return;
    std::cerr << __FILE__ << ":" << line << ": " << what << "\n";
    failures++;
}

#define CHECK(condition) check((condition), #condition, __LINE__)

std::string image(const char *name) { return directory + "/" + name; }

template <typename Call> void fails(Call &&call, std::int32_t code, int line) {
    try {
        call();
        check(false, "no exception", line);
    } catch (const Error &error) {
        check(error.code() == code, error.what(), line);
    }
}

void a_chain_is_read_and_frees_itself() {
    Chain chain(image("top.qcow2"));
    CHECK(chain.size() == 3);
    CHECK(chain.whole());
    const auto images = chain.images();
    CHECK(images.size() == 3);
    CHECK(images[0].filename == image("top.qcow2"));
    CHECK(images[2].backing_filename == nullptr);
    CHECK(chain.json().find("\"backing-filename\": \"mid.qcow2\"") != std::string::npos);
    CHECK(chain.get() != nullptr);
}

void a_chain_moves_but_is_not_copied() {
    static_assert(!std::is_copy_constructible_v<Chain>);
    static_assert(std::is_nothrow_move_constructible_v<Chain>);
    Chain first(image("top.qcow2"));
    Chain second(std::move(first));
    CHECK(second.size() == 3);
    CHECK(first.size() == 0); // NOLINT: what is left behind is empty
    CHECK(!first.whole());
    fails([&] { first.image(0); }, PVEN_ERR_ARGUMENT, __LINE__);
}

void errors_say_what_where_and_why() {
    static_assert(std::is_nothrow_copy_constructible_v<Error>);
    try {
        Chain chain(image("missing.qcow2"));
        CHECK(false);
    } catch (const Error &error) {
        CHECK(error.code() == PVEN_ERR_IO);
        CHECK(error.error_number() == ENOENT);
        CHECK(error.path() == image("missing.qcow2"));
        CHECK(!error.offset());
        CHECK(std::string(error.code_name()) == "io");
        CHECK(std::string(error.what()).find("missing.qcow2") != std::string::npos);
    }
    fails([] { Chain chain(image("text.qcow2")); }, PVEN_ERR_FORMAT, __LINE__);
}

void options_are_the_same_as_in_c() {
    pven_open_opts opts{};
    opts.strict = 1;
    CHECK(!Chain(image("lost.qcow2")).whole());
    fails([&] { Chain chain(image("lost.qcow2"), opts); }, PVEN_ERR_IO, __LINE__);
    opts.format = "no such format";
    fails([&] { Chain chain(image("top.qcow2"), opts); }, PVEN_ERR_ARGUMENT, __LINE__);
}

void lists_are_vectors() {
    const Chain snapshots(image("snapshots.qcow2"));
    CHECK(snapshots.snapshots(0).size() == 2);
    CHECK(snapshots.snapshots(0)[1].name == std::string("second one"));
    CHECK(snapshots.bitmaps(0).empty());
    CHECK(snapshots.extents(0).empty());
    CHECK(snapshots.feature_names(0).size() > 3);
    CHECK(Chain(image("bitmaps.qcow2")).bitmaps(0).size() == 2);
    CHECK(Chain(image("stale.qcow2")).warnings(0).size() == 1);
    CHECK(Chain(image("lost.qcow2")).snapshots(1).empty());
    fails([&] { snapshots.snapshots(7); }, PVEN_ERR_ARGUMENT, __LINE__);
}

void texts_are_strings() {
    pven_qemu_img_info_opts opts{};
    opts.format = "qcow2";
    CHECK(image_info_json(image("base.qcow2")) == qemu_img_info_json(image("base.qcow2"), opts));
    CHECK(inspect_many_json({}) == "[\n]");
    const std::string many = inspect_many_json({image("base.qcow2"), image("gone.qcow2")});
    CHECK(many.find("\"code\": \"io\"") != std::string::npos);
    CHECK(abi_version() == PVEN_ABI_VERSION);
    CHECK(!version().empty());
}

void a_volume_has_a_size() {
    pven_file_size_opts opts{};
    opts.format = "qcow2";
    const FileSizeAnswer top = file_size(image("top.qcow2"), opts);
    CHECK(top.volume && top.volume->size == 128u << 20);
    CHECK(top.volume && top.volume->format == "qcow2");
    CHECK(top.volume && top.volume->parent == "mid.qcow2");
    CHECK(top.warnings.empty() && top.ctime > 0);
    const FileSizeAnswer gone = file_size(image("gone.qcow2"), opts);
    CHECK(!gone.volume && gone.warnings.size() == 1);
    opts.untrusted = 1;
    fails([&] { file_size(image("top.qcow2"), opts); }, PVEN_ERR_DENIED, __LINE__);
}

void an_exception_of_the_callbacks_waits_until_the_call_is_over() {
    pven_file_size_opts opts{};
    opts.format = "qcow2";
    opts.warning = [](void *, const char *) { throw 7; };
    int caught = 0;
    try {
        file_size(image("gone.qcow2"), opts);
    } catch (int number) {
        caught = number;
    }
    CHECK(caught == 7);
}

void an_audit_says_what_it_found() {
    static_assert(!std::is_copy_constructible_v<Audit>);
    CHECK(Audit(image("top.qcow2")).safe());
    Policy upload;
    upload.preset = PVEN_PRESET_UPLOAD;
    Audit first(image("top.qcow2"), upload);
    const Audit audit(std::move(first));
    CHECK(!first.safe() && first.chain() == nullptr); // NOLINT: what is left behind is empty
    CHECK(!audit.safe());
    CHECK(audit.findings().size() == 1);
    CHECK(audit.findings()[0].code == std::string("backing-file"));
    CHECK(pven_chain_len(audit.chain()) == 1);
    CHECK(audit_json(image("top.qcow2"), upload).find("\"safe\": false") != std::string::npos);
    fails([&] { audit_check(image("top.qcow2"), upload); }, PVEN_ERR_DENIED, __LINE__);
    fails([] { Audit(image("gone.qcow2")); }, PVEN_ERR_IO, __LINE__);
}

void extents_are_walked_once() {
    static_assert(!std::is_copy_constructible_v<Extents>);
    std::uint64_t reached = 0;
    std::size_t count = 0, deepest = 0;
    Extents extents(image("map.qcow2"), {}, 3);
    CHECK(pven_chain_len(extents.chain()) == 2);
    CHECK(extents.progress() == std::make_pair(std::uint64_t{0}, std::uint64_t{8u << 20}));
    for (const pven_extent &extent : extents) {
        CHECK(extent.start == reached);
        reached += extent.length;
        deepest = std::max(deepest, depth(extent));
        count++;
    }
    CHECK(reached == 8u << 20 && deepest == 1 && count > 3);
    CHECK(extents.progress().first == reached);
    CHECK(extents.next().empty());
    CHECK(extents.begin() == extents.end());
    Extents chunks(image("map.qcow2"));
    const ExtentChunk chunk = chunks.next();
    CHECK(chunk.size() == count && !chunk.empty());
    CHECK(chunk.begin()->start == 0);
    CHECK(extents_json(image("map.qcow2")).rfind("[{ \"start\": 0, ", 0) == 0);
    fails([] { extents_json(image("gone.qcow2")); }, PVEN_ERR_IO, __LINE__);
    fails([] { Extents broken(image("lost.qcow2")); }, PVEN_ERR_IO, __LINE__);
    fails(
        [] {
            for (const pven_extent &extent : Extents(image("map-broken.qcow2")))
                CHECK(extent.length > 0);
        },
        PVEN_ERR_CORRUPT, __LINE__);
}

void a_policy_has_all_that_c_has() {
    Policy policy;
    policy.roots = {directory, "/usr"};
    policy.formats = {"qcow2"};
    policy.format = "qcow2";
    policy.timeout = 30;
    audit_check(image("top.qcow2"), policy);
    policy.roots = {"/usr"};
    fails([&] { audit_check(image("top.qcow2"), policy); }, PVEN_ERR_DENIED, __LINE__);
    policy = {};
    policy.max_depth = 2;
    fails([&] { audit_check(image("top.qcow2"), policy); }, PVEN_ERR_DENIED, __LINE__);
    policy = {};
    policy.limits = pven_limits{};
    policy.limits->max_snapshots = 1;
    fails([&] { audit_check(image("snapshots.qcow2"), policy); }, PVEN_ERR_DENIED, __LINE__);
    policy = {};
    policy.protocols = {"nbd"};
    audit_check(image("nbd.qcow2"), policy);
    policy.protocols = {"nbd:"};
    fails([&] { audit_check(image("nbd.qcow2"), policy); }, PVEN_ERR_ARGUMENT, __LINE__);
    policy = {};
    fails([&] { audit_check(image("data-there.qcow2"), policy); }, PVEN_ERR_DENIED, __LINE__);
    policy.allow_data_file = true;
    audit_check(image("data-there.qcow2"), policy);
}

void a_pin_describes_its_files() {
    static_assert(!std::is_copy_constructible_v<Pin>);
    const Pin pin(image("top.qcow2"));
    CHECK(pin.fds().size() == 3);
    CHECK(pin.findings().empty());
    CHECK(pven_chain_len(pin.chain()) == 3);
    CHECK(pin.qemu_img_arg().rfind("json:{", 0) == 0);
    CHECK(pin.blockdev_json().find("\"pin-image0\"") != std::string::npos);
    CHECK(pin.blockdev_json("vm", 3).find("\"/dev/fdset/5\"") != std::string::npos);
    const auto args = pin.add_fd_args(3);
    CHECK(args.size() == 3);
    CHECK(args[2] == "fd=" + std::to_string(pin.fds()[2]) + ",set=5");
    fails([&] { pin.blockdev_json("0"); }, PVEN_ERR_ARGUMENT, __LINE__);
    fails([] { Pin held(image("outside.qcow2")); }, PVEN_ERR_DENIED, __LINE__);
}

void long_work_is_told_of_and_can_be_stopped() {
    CHECK(pve::native::check(image("base.qcow2")).corruptions == 0);
    CHECK(pve::native::check(image("unsound.qcow2")).corruptions > 0);
    CHECK(check_json(image("unsound.qcow2")).find("\"findings\"") != std::string::npos);
    const auto ranges = changed_extents(image("top.qcow2"), image("base.qcow2"));
    CHECK(ranges.size() == 1 && ranges[0].start == 3 << 20 && ranges[0].length == 64 << 10);
    CHECK(changed_extents(image("top.qcow2"), image("top.qcow2")).empty());
    CHECK(bitmap_extents(image("dirty.qcow2"), "dirty").size() == 2);
    CHECK(measure_size(1 << 30, "raw").required == 1 << 30);
    CHECK(measure_size(1 << 30, "qcow2", {"cluster_size=4k"}).required <
          measure_image(image("top.qcow2"), "qcow2").fully_allocated);
    CHECK(headroom(image("base.qcow2"), 1 << 20).short_by > 63 << 20);
    CHECK(merge_costs_json(image("top.qcow2")).find("commit-cost") != std::string::npos);
    int calls = 0;
    WorkOptions options;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
        calls++;
        return done <= total;
    };
    pve::native::check(image("base.qcow2"), options);
    CHECK(calls > 0);
    options.progress = [](std::uint64_t, std::uint64_t) { return false; };
    fails([&] { pve::native::check(image("base.qcow2"), options); }, PVEN_ERR_CANCELLED, __LINE__);
    options.progress = [](std::uint64_t, std::uint64_t) -> bool { throw 7; };
    bool thrown = false;
    try {
        pve::native::check(image("base.qcow2"), options);
    } catch (int number) {
        thrown = number == 7;
    }
    CHECK(thrown);
}

void maps_become_a_broadcast() {
    const std::string maps = "{\"maps\":[{\"uuid\":\"w\"}]}";
    CHECK(cluster_summarize(maps).find("\"w\":{\"state\":\"failed\"") != std::string::npos);
    CHECK(cluster_summarize(maps, "{\"limit\":60}").size() <= 60);
    fails([] { cluster_summarize("timeout\n"); }, PVEN_ERR_CORRUPT, __LINE__);
}

void the_cluster_has_a_status() {
    const std::string broadcast = "{\"maps\":{\"w\":{\"state\":\"failed\"}},\"time\":5}";
    const std::string lun = "\"wwid\":\"w\",\"cluster-state\":\"failed\",\"coverage\":\"1/2\"";
    const std::string options = "{\"now\":9,\"allow\":[\"w\"]}";
    CHECK(cluster_status_json({{"n1", broadcast}, {"n2", std::string("\0x", 2)}}, options).find(lun) !=
          std::string::npos);
    CHECK(cluster_status_json({}) == "{\"luns\":[],\"nodes\":{},\"findings\":[]}");
    const std::string document =
        "{\"now\":9,\"allow\":[\"w\"],\"nodes\":{\"n1\":" + broadcast + ",\"n2\":7}}";
    CHECK(cluster_status_document_json(document).find(lun) != std::string::npos);
    fails([] { cluster_status_json({}, "{\"nothing\":1}"); }, PVEN_ERR_ARGUMENT, __LINE__);
    fails([] { cluster_status_document_json("[]"); }, PVEN_ERR_ARGUMENT, __LINE__);
}

void a_scheduler_scores_nodes_and_migrations() {
    static_assert(!std::is_copy_constructible_v<Scheduler>);
    Scheduler scheduler({PVEN_SCHEDULER_STATIC, PVEN_IMBALANCE_UNIT});
    CHECK(scheduler.score_start({}).empty());
    for (const char *node : {"n2", "n1", "n3"})
        scheduler.add_node(node, {0, 16, 0, 64});
    scheduler.add_guest("vm:1", {0, 8, 0, 32, "n1", nullptr, 1, {}});
    CHECK(scheduler.node_count() == 3);
    CHECK(scheduler.nodes_json().find("\"n1\"") < scheduler.nodes_json().find("\"n2\""));
    CHECK((scheduler.score_start({0, 2, 0, 4}) == std::vector<double>{0, 1, 1}));
    CHECK(scheduler.imbalance() > 0.999);
    const std::string candidates =
        "[{\"leader\":\"vm:1\",\"resources\":[\"vm:1\"],\"nodes\":[\"n3\"]}]";
    CHECK(scheduler.best_migrations_json(candidates, 1).find("\"n3\"") != std::string::npos);
    CHECK(scheduler.best_migrations_json(candidates, 0, true).find('{') == std::string::npos);
    scheduler.add_guest_to_node("n2", "vm:1", {});
    scheduler.remove_guest("vm:1");
    CHECK(scheduler.imbalance() == 0);
    scheduler.remove_node("n2");
    CHECK(scheduler.contains_node("n1") && !scheduler.contains_node("n2"));
    CHECK(scheduler.get() != nullptr);
    fails([&] { scheduler.add_node("n1", {}); }, PVEN_ERR_ARGUMENT, __LINE__);
    fails([] { Scheduler({2, 0}); }, PVEN_ERR_ARGUMENT, __LINE__);
}

void an_engine_says_what_has_changed() {
    static_assert(!std::is_copy_constructible_v<ClusterEngine>);
    const std::string broadcast = "{\"maps\":{\"w\":{\"state\":\"optimal\"}},\"time\":9}";
    ClusterEngine engine("{\"stale-seconds\":60}");
    engine.update("n1", broadcast, 9);
    engine.set_members_json("{\"n1\":1}");
    engine.set_config_json("{\"allow\":[\"w\"]}");
    const std::string first = engine.changes_json();
    CHECK(first.find("\"full\":true") != std::string::npos);
    const std::string cursor = first.substr(11, first.find('"', 11) - 11);
    pven_cluster_map map{};
    map.state = PVEN_MAP_DEGRADED;
    map.paths_active = 1;
    map.paths_total = 2;
    engine.update_map("n1", "w", map, 10);
    CHECK(engine.changes_json(cursor).find("\"to\":\"degraded\"") != std::string::npos);
    engine.mute("lun-degraded", "w", 100);
    CHECK(engine.findings_json().find("\"muted\":true") != std::string::npos);
    CHECK(engine.unmute("lun-degraded", "w") && !engine.unmute("lun-degraded"));
    CHECK(engine.next_deadline() && *engine.next_deadline() > 69.9);
    engine.advance(71);
    CHECK(engine.status_json().find("\"stale\"") != std::string::npos);
    CHECK(engine.nodes_json().find("\"stale\"") != std::string::npos);
    engine.update_map("n1", "w", std::nullopt, 71);
    engine.update("n1", std::nullopt, 72);
    CHECK(engine.rows_json().find("\"cluster-state\":\"unknown\"") != std::string::npos);
    CHECK(engine.get() != nullptr);
    fails([&] { engine.advance(-1); }, PVEN_ERR_ARGUMENT, __LINE__);
    fails([&] { engine.mute("nothing"); }, PVEN_ERR_ARGUMENT, __LINE__);
    fails([] { ClusterEngine("{\"now\":1}"); }, PVEN_ERR_ARGUMENT, __LINE__);
}

void samples_have_percentiles_and_vectors_distances() {
    const double unknown = std::numeric_limits<double>::quiet_NaN();
    CHECK(percentile(95, {unknown, 9.5, 11, 10.5, 0}) == 11.0);
    CHECK(!percentile(95, {}) && !percentile(95, {unknown}));
    fails([] { percentile(101, {1}); }, PVEN_ERR_ARGUMENT, __LINE__);
    CHECK(euclidean_distance({0, 0}, {3, 4}) == 5.0);
    fails([] { euclidean_distance({0}, {3, 4}); }, PVEN_ERR_ARGUMENT, __LINE__);
    CHECK(dotprod({1, 2}, {3, 4}) == 11.0);
    CHECK(dotprod({1, 0}, {2, 0}, "normR") == 1.0 && dotprod({1, 0}, {2, 0}, "normC") == 0.5);
    CHECK(dotprod({1, 0}, {0, 0}, "normC") == 0.0);
    fails([] { dotprod({1}, {2}, "norm"); }, PVEN_ERR_ARGUMENT, __LINE__);
    CHECK((normalised({2, 8}, {4, 8}) == std::vector<double>{0.5, 1}));
    fails([] { normalised({2}, {4, 8}); }, PVEN_ERR_ARGUMENT, __LINE__);
}

void storages_have_capabilities() {
    CHECK(storage_capabilities_json("lvm", "qcow2").find("\"volume-chain\"") != std::string::npos);
    CHECK(storage_capabilities_json("lvm").find("\"volumes\"") != std::string::npos);
    CHECK(storage_capabilities_json().front() == '[');
    CHECK(storage_types_json().find("\"rbd\"") != std::string::npos);
    CHECK(storage_content_types_json().find("\"rootdir\"") != std::string::npos);
    fails([] { storage_capabilities_json("glusterfs"); }, PVEN_ERR_ARGUMENT, __LINE__);
}

void a_graph_says_which_snapshots_there_are() {
    static_assert(!std::is_copy_constructible_v<SnapshotGraph>);
    GraphOptions options;
    options.scheme = "lvmqcow2";
    options.storeid = "san";
    options.timeout = 30;
    const std::string top = image("volume/vm-100-disk-0.qcow2");
    const auto chain = SnapshotGraph::open(top, options);
    CHECK(chain.size() == 3 && chain.current() == std::size_t{0});
    CHECK(chain.image(1).snapshot == std::string("second"));
    CHECK(chain.findings().empty());
    CHECK(chain.info_json().find("\"child\": \"current\"") != std::string::npos);
    CHECK(chain.names_json().find("first") < chain.names_json().find("second"));
    CHECK(chain.blockers_json("first").find("second") != std::string::npos);
    CHECK(chain.text().find("2 snapshots") != std::string::npos);
    CHECK(chain.dot().rfind("digraph", 0) == 0);
    CHECK(chain.get() != nullptr);
    fails([&] { chain.blockers_json("none"); }, PVEN_ERR_ARGUMENT, __LINE__);
    fails([&] { chain.image(3); }, PVEN_ERR_ARGUMENT, __LINE__);

    std::vector<Volume> volumes{{"vm-100-disk-0.qcow2", top, 7, {"one", "two"}}};
    volumes.push_back({"vm-100-disk-0-snap-gone.qcow2", "/nowhere/at/all", 0, {}});
    options.limits = pven_limits{};
    options.volname = "vm-100-disk-0.qcow2";
    const auto listed = SnapshotGraph::from_volumes(volumes, options);
    CHECK(listed.size() == 4);
    CHECK(listed.image(*listed.current()).size == 7);
    CHECK(listed.json().find("\"two\"") != std::string::npos);
    CHECK(listed.findings().size() == 2);
    const std::string third = "{\"snapshot\": \"third\"}";
    CHECK(listed.plan_json("create", third).find("\"op\": \"create\"") != std::string::npos);
    CHECK(listed.plan_text("free").rfind("free vm-100-disk-0.qcow2\n", 0) == 0);
    CHECK(listed.diagnose_json().find("\"not-active\"") != std::string::npos);
    CHECK(chain.diagnose_json("{\"check\": false}") == "[\n]");
    fails([&] { listed.plan_json("create"); }, PVEN_ERR_ARGUMENT, __LINE__);
    fails([&] { listed.plan_text("create", "[]"); }, PVEN_ERR_ARGUMENT, __LINE__);
    fails([&] { listed.diagnose_json("[]"); }, PVEN_ERR_ARGUMENT, __LINE__);
    CHECK(!SnapshotGraph::from_volumes({}, options).current());
    options.format = "qcow2";
    fails([&] { SnapshotGraph::from_volumes(volumes, options); }, PVEN_ERR_ARGUMENT, __LINE__);
    options.scheme = "";
    fails([&] { SnapshotGraph::open(top, options); }, PVEN_ERR_ARGUMENT, __LINE__);
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " DIRECTORY-WITH-IMAGES\n";
        return 2;
    }
    directory = argv[1];
    a_chain_is_read_and_frees_itself();
    a_chain_moves_but_is_not_copied();
    errors_say_what_where_and_why();
    options_are_the_same_as_in_c();
    lists_are_vectors();
    texts_are_strings();
    an_audit_says_what_it_found();
    a_policy_has_all_that_c_has();
    a_pin_describes_its_files();
    long_work_is_told_of_and_can_be_stopped();
    extents_are_walked_once();
    an_engine_says_what_has_changed();
    a_scheduler_scores_nodes_and_migrations();
    storages_have_capabilities();
    samples_have_percentiles_and_vectors_distances();
    maps_become_a_broadcast();
    the_cluster_has_a_status();
    a_volume_has_a_size();
    an_exception_of_the_callbacks_waits_until_the_call_is_over();
    a_graph_says_which_snapshots_there_are();
    return failures ? 1 : 0;
}
