/* Prints where each field of the public structs lies, to be compared with layout.golden: lines
 * may be added at the end of a struct, none may ever change. */
#include "pve_native.h"

#include <stdio.h>

#define STRUCT(type) printf("%s %zu\n", #type, sizeof(type))
#define FIELD(type, field) \
    printf("%s.%s %zu+%zu\n", #type, #field, offsetof(type, field), sizeof(((type *)0)->field))

int main(void)
{
    STRUCT(pven_open_opts);
    FIELD(pven_open_opts, format);
    FIELD(pven_open_opts, timeout);
    FIELD(pven_open_opts, max_depth);
    FIELD(pven_open_opts, allow_probe);
    FIELD(pven_open_opts, strict);
    FIELD(pven_open_opts, reserved);
    FIELD(pven_open_opts, limits);
    FIELD(pven_open_opts, limits_size);
    STRUCT(pven_limits);
    FIELD(pven_limits, max_depth);
    FIELD(pven_limits, max_virtual_size);
    FIELD(pven_limits, max_extents);
    FIELD(pven_limits, max_backing_name);
    FIELD(pven_limits, max_name);
    FIELD(pven_limits, max_snapshots);
    FIELD(pven_limits, max_bitmaps);
    FIELD(pven_limits, max_l1_bytes);
    FIELD(pven_limits, max_refcount_table_bytes);
    FIELD(pven_limits, max_block_table_bytes);
    FIELD(pven_limits, max_read_bytes);
    FIELD(pven_limits, max_steps);
    STRUCT(pven_image_info);
    FIELD(pven_image_info, filename);
    FIELD(pven_image_info, format_name);
    FIELD(pven_image_info, backing_filename);
    FIELD(pven_image_info, full_backing_filename);
    FIELD(pven_image_info, backing_format);
    FIELD(pven_image_info, data_file);
    FIELD(pven_image_info, error_message);
    FIELD(pven_image_info, virtual_size);
    FIELD(pven_image_info, actual_size);
    FIELD(pven_image_info, file_size);
    FIELD(pven_image_info, cluster_size);
    FIELD(pven_image_info, ctime);
    FIELD(pven_image_info, incompatible_features);
    FIELD(pven_image_info, compatible_features);
    FIELD(pven_image_info, autoclear_features);
    FIELD(pven_image_info, snapshots);
    FIELD(pven_image_info, bitmaps);
    FIELD(pven_image_info, feature_names);
    FIELD(pven_image_info, extents);
    FIELD(pven_image_info, warnings);
    FIELD(pven_image_info, format);
    FIELD(pven_image_info, flags);
    FIELD(pven_image_info, qcow2_version);
    FIELD(pven_image_info, refcount_bits);
    FIELD(pven_image_info, compression);
    FIELD(pven_image_info, encryption);
    FIELD(pven_image_info, error_code);
    FIELD(pven_image_info, error_errno);
    STRUCT(pven_snapshot);
    FIELD(pven_snapshot, id);
    FIELD(pven_snapshot, name);
    FIELD(pven_snapshot, vm_state_size);
    FIELD(pven_snapshot, disk_size);
    FIELD(pven_snapshot, date_sec);
    FIELD(pven_snapshot, date_nsec);
    FIELD(pven_snapshot, vm_clock_nsec);
    FIELD(pven_snapshot, icount);
    STRUCT(pven_bitmap);
    FIELD(pven_bitmap, name);
    FIELD(pven_bitmap, granularity);
    FIELD(pven_bitmap, flags);
    FIELD(pven_bitmap, reserved);
    STRUCT(pven_feature_name);
    FIELD(pven_feature_name, name);
    FIELD(pven_feature_name, kind);
    FIELD(pven_feature_name, bit);
    STRUCT(pven_extent_file);
    FIELD(pven_extent_file, child);
    FIELD(pven_extent_file, filename);
    FIELD(pven_extent_file, file_size);
    FIELD(pven_extent_file, actual_size);
    STRUCT(pven_many_opts);
    FIELD(pven_many_opts, timeout);
    FIELD(pven_many_opts, threads);
    FIELD(pven_many_opts, reserved);
    FIELD(pven_many_opts, limits);
    FIELD(pven_many_opts, limits_size);
    STRUCT(pven_qemu_img_info_opts);
    FIELD(pven_qemu_img_info_opts, format);
    FIELD(pven_qemu_img_info_opts, timeout);
    FIELD(pven_qemu_img_info_opts, backing_chain);
    FIELD(pven_qemu_img_info_opts, reserved);
    FIELD(pven_qemu_img_info_opts, limits);
    FIELD(pven_qemu_img_info_opts, limits_size);
    STRUCT(pven_file_size_opts);
    FIELD(pven_file_size_opts, format);
    FIELD(pven_file_size_opts, timeout);
    FIELD(pven_file_size_opts, warning);
    FIELD(pven_file_size_opts, warning_data);
    FIELD(pven_file_size_opts, untrusted);
    FIELD(pven_file_size_opts, reserved);
    STRUCT(pven_file_size_info);
    FIELD(pven_file_size_info, size);
    FIELD(pven_file_size_info, used);
    FIELD(pven_file_size_info, ctime);
    FIELD(pven_file_size_info, format);
    FIELD(pven_file_size_info, parent);
    FIELD(pven_file_size_info, known);
    FIELD(pven_file_size_info, reserved);
    return 0;
}
