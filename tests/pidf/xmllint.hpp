#pragma once

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

/// The XML reader that ours is measured against.
inline bool has_xmllint() { return std::system("xmllint --version >/dev/null 2>&1") == 0; }

/// Documents as files of a folder that goes away with the object.
class TemporaryDocuments {
public:
    explicit TemporaryDocuments(const std::vector<std::string>& texts) {
        std::string name = std::filesystem::temp_directory_path() / "pidf-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        folder_ = name;
        for (std::size_t i = 0; i < texts.size(); ++i)
            std::ofstream(folder_ / (std::to_string(i) + ".xml"), std::ios::binary) << texts[i];
    }
    TemporaryDocuments(const TemporaryDocuments&) = delete;
    TemporaryDocuments& operator=(const TemporaryDocuments&) = delete;
    ~TemporaryDocuments() { std::filesystem::remove_all(folder_); }

    /// What xmllint has to say about them; nothing when all is well. Namespaces that are no URI are
    /// left out: to us they are names like others.
    std::string complaints(const std::string& options) const {
        const std::string command = "cd '" + folder_.string() +
                                    "' && find . -name '*.xml' -print0 | xargs -0 xmllint " +
                                    options +
                                    " --nonet 2>&1 | grep -e ' error : ' -e 'fails to validate' | "
                                    "grep -v 'is not a valid URI' | head -n 40";
        std::string said;
        std::FILE* pipe = ::popen(command.c_str(), "r");
        if (pipe == nullptr) return "xmllint did not start";
        std::array<char, 4096> block;
        while (const std::size_t size = std::fread(block.data(), 1, block.size(), pipe))
            said.append(block.data(), size);
        ::pclose(pipe);
        return said;
    }

    /// The numbers of those that xmllint does not take for well-formed.
    std::set<std::size_t> refused() const {
        return numbers(
            "xmllint --noout --nonet 2>&1 | "
            "grep -a ' error : ' | grep -a -v 'is not a valid URI' | "
            "LC_ALL=C sed -n 's,^\\./\\([0-9]*\\)\\.xml:.*,\\1,p'");
    }
    /// The numbers of those that are not valid by a schema.
    std::set<std::size_t> invalid(const std::string& schema) const {
        return numbers("xmllint --noout --nonet --schema '" + schema +
                       "' 2>&1 | "
                       "LC_ALL=C sed -n 's,^\\./\\([0-9]*\\)\\.xml fails to validate,\\1,p'");
    }

private:
    /// What a command that gets the files prints, one number a line.
    std::set<std::size_t> numbers(const std::string& of) const {
        const std::string command =
            "cd '" + folder_.string() + "' && find . -name '*.xml' -print0 | xargs -0 " + of;
        std::set<std::size_t> numbers;
        std::FILE* pipe = ::popen(command.c_str(), "r");
        if (pipe == nullptr) return numbers;
        std::size_t number = 0;
        while (std::fscanf(pipe, "%zu", &number) == 1) numbers.insert(number);
        ::pclose(pipe);
        return numbers;
    }

    std::filesystem::path folder_;
};
