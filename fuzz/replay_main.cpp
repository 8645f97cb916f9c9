// Runs a fuzz target over the files of its folders, as an ordinary test: each file whole, and small
// ones cut at every byte too. The first folder, the seeds, must be there; the others may be absent.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t cut_size_max = 1024;

/// A block of the exact size, so that a read past its end is seen by the address sanitizer.
void run(const std::vector<char>& bytes, std::size_t size) {
    const auto block = std::make_unique<std::uint8_t[]>(size);
    std::transform(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size), block.get(),
                   [](char c) { return static_cast<std::uint8_t>(c); });
    LLVMFuzzerTestOneInput(block.get(), size);
}

std::size_t replay(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        std::printf("%s\n", file.c_str());
        std::fflush(stdout);
        std::ifstream stream(file, std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
        run(bytes, bytes.size());
        if (bytes.size() > cut_size_max) continue;
        for (std::size_t size = 0; size < bytes.size(); ++size) run(bytes, size);
    }
    return files.size();
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t files = 0;
    for (int i = 1; i < argc; ++i)
        if (i == 1 || std::filesystem::is_directory(argv[i])) files += replay(argv[i]);
    std::printf("%zu files replayed\n", files);
    return files == 0 ? 1 : 0;
}
